"""Providers that messages are sent through."""
