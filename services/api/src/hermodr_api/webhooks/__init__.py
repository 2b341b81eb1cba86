"""Outbound webhooks: endpoints, and what was sent to them."""
