"""Jobs: accepted, decided, listed, cancelled, asked for again."""
