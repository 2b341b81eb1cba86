"""Sends texts."""
