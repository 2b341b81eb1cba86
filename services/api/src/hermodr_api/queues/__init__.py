"""Queues, and pausing channels."""
