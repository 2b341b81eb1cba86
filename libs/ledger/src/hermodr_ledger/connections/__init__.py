"""Databases of others: how they are reached."""
