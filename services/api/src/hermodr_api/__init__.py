"""HTTP in front of the ledger."""
