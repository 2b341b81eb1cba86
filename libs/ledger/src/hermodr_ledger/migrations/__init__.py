"""Alembic's scripts, each an SQL file with a short Python face."""
