"""The hermodr command."""
