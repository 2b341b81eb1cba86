"""Which provider makes an attempt, when it may, and what load it takes."""
