"""What time does: due jobs, re-announcement, rescue."""
