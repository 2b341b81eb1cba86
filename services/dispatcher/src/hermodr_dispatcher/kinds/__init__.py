"""What becomes of a job, one kind of job a file."""
