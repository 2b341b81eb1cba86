"""Background tasks: what waits for a worker, what runs, and what became of each attempt."""
