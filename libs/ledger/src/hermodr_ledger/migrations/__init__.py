"""Alembic's scripts: an SQL file each, with a short Python file."""
