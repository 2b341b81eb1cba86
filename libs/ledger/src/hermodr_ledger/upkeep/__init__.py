"""Due rows, expiry, retention, and whether the ledger is well."""
