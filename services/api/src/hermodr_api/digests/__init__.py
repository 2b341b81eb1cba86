"""Digest schedules."""
