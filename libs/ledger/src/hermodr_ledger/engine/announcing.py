FIRST_ANNOUNCEMENT_OVERDUE_SECONDS = 5
"""How long a row may wait unclaimed before the scheduler first announces it again."""

DUE_CHANNEL = "hermodr_due"
"""The NOTIFY channel that wakes the scheduler when something is scheduled."""
