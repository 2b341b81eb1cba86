"""Files that tasks make and people fetch: what is known of them. They themselves are elsewhere."""
