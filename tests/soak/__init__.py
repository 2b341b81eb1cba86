"""`make soak`: a steady load for an hour, kills and restarts in between, and whether anything grows that should not."""
