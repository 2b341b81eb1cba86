"""Requesting background tasks."""
