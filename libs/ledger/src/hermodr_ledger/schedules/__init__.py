"""Jobs on a rule."""
