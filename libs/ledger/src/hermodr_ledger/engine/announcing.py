FIRST_ANNOUNCEMENT_OVERDUE_SECONDS = 5
"""How long a row may wait unclaimed before the scheduler first announces it again."""

DUE_CHANNEL = "hermodr_due"
"""The NOTIFY channel that wakes the scheduler when something is scheduled."""

WEBHOOKS_CHANNEL = "hermodr_webhooks"
"""The NOTIFY channel that wakes the senders of webhooks when a message is due."""

ENDPOINTS_CHANNEL = "hermodr_endpoints"
"""The NOTIFY channel that wakes the scheduler when a project's endpoints have changed."""

SCHEDULES_CHANNEL = "hermodr_schedules"
"""The NOTIFY channel that wakes the scheduler when a schedule was made or changed."""
