"""The site of the documentation, beside what is written in docs/."""
