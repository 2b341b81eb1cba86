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

WINDOWS_CHANNEL = "hermodr_windows"
"""The NOTIFY channel that wakes the scheduler when a window of events is to be closed at once."""

PARKED = "timestamptz '9999-12-31 00:00:00+00'"
"""The `wake_at` of rows that no moment wakes: deliveries of a paused channel, events in a window."""

DIGESTS_CHANNEL = "hermodr_digests"
"""The NOTIFY channel that wakes the scheduler when a digest schedule is new or has another rule."""
