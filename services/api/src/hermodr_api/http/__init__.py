"""What every route shares: bodies, answers, problems, the description."""
