"""Jobs: accepted, decided, listed, cancelled, requeued."""
