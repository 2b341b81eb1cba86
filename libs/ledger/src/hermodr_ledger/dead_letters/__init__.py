"""Dead letters: stored, looked through, replayed."""
