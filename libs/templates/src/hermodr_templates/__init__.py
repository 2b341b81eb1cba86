"""Templates: checked and compiled when saved, rendered within limits when sent."""
