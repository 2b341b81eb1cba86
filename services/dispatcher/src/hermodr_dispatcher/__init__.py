"""Turns requested jobs into deliveries."""
