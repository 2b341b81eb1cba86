"""Digest schedules: what a reader has not read yet, at set times."""
