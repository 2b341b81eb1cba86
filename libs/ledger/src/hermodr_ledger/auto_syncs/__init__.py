"""Calls for answers. Triggers (migration 0056) keep their jobs in step; this room reads and writes the rows."""
