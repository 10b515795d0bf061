"""The temperature of the wire as a result: heat equation, what feeds it, and the ledger of all energies."""
