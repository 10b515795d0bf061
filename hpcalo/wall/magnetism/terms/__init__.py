"""Energy terms and torques of the magnetization, one class each; `registry` finds them."""
