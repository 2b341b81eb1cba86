"""Sends email over SMTP."""
