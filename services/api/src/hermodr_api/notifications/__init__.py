"""Single and bulk notifications."""
