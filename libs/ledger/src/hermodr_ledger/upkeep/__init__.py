"""What time asks of the ledger: due rows, expiry, retention; and whether it is well."""
