"""Projects, API keys, rates, the audit log, idempotency keys."""
