"""What every Hermodr process shares."""
