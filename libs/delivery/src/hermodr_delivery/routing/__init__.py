"""Which provider makes an attempt, when its turn is, and what it bears."""
