"""Who carries webhooks."""
