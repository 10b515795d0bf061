"""Responses: one class each, in a module of this folder; see docs/develop/add-response.md."""
