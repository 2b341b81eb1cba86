"""Pure rules: what requests look like and what is wrong with those that do not."""
