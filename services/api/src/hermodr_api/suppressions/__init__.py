"""Suppressed addresses."""
