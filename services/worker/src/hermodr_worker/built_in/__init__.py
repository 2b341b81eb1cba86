"""The tasks that every worker has."""
