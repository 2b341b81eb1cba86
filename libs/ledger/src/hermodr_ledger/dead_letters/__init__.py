"""Dead letters: stored, listed, replayed."""
