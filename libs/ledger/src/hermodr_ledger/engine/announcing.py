"""When rows that want work are announced, and how the scheduler hears of new ones."""

FIRST_ANNOUNCEMENT_OVERDUE_SECONDS = 5
"""How long a row may wait unclaimed before the scheduler announces it again for the first time."""

DUE_CHANNEL = "hermodr_due"
"""The NOTIFY channel that wakes the scheduler when something was scheduled."""
