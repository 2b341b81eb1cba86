"""What there is of one person: shown to them, or forgotten."""
