"""Outbound webhooks: a project's endpoints, and what is sent to them. Neither jobs nor deliveries."""
