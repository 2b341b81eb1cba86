"""Who may do what: projects, API keys, rates, the audit log, kept answers of repeated requests."""
