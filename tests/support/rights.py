"""Who may call which route: one line for each, held by `tests/integration/api/test_rights.py`."""

from typing import Literal, NamedTuple

from hermodr_ledger.access.keys import Scope

RIGHTS = """
admin   -         GET /v1/api-keys
admin   -         POST /v1/api-keys
admin   -         DELETE /v1/api-keys/{key_id}
admin   -         GET /v1/api-keys/{key_id}
admin   -         PATCH /v1/api-keys/{key_id}
admin   -         POST /v1/api-keys/{key_id}/rotate
admin   -         POST /v1/api-keys/revoke
admin   -         GET /v1/audit-log
read    -         GET /v1/auto-syncs
manage  -         POST /v1/auto-syncs
manage  -         DELETE /v1/auto-syncs/{sync_id}
read    -         GET /v1/auto-syncs/{sync_id}
manage  -         PATCH /v1/auto-syncs/{sync_id}
manage  -         POST /v1/auto-syncs/{sync_id}/complete
manage  -         POST /v1/auto-syncs/{sync_id}/pause
read    -         GET /v1/auto-syncs/{sync_id}/responses
manage  -         POST /v1/auto-syncs/{sync_id}/responses
manage  -         POST /v1/auto-syncs/{sync_id}/resume
manage  -         POST /v1/auto-syncs/{sync_id}/run
read    -         GET /v1/batches/{batch_id}
read    -         GET /v1/bulk-actions
manage  -         POST /v1/bulk-actions
read    -         GET /v1/bulk-actions/{bulk_action_id}
manage  -         POST /v1/bulk-actions/{bulk_action_id}/stop
read    own       GET /v1/connections
manage  -         POST /v1/connections
manage  -         DELETE /v1/connections/{connection_id}
read    own       GET /v1/connections/{connection_id}
manage  -         PATCH /v1/connections/{connection_id}
send    own       POST /v1/connections/{connection_id}/rebuild
read    own       GET /v1/connections/{connection_id}/schema
read    -         POST /v1/console/links
manage  -         DELETE /v1/dead-letters
read    -         GET /v1/dead-letters
manage  -         POST /v1/dead-letters/replay
manage  -         DELETE /v1/dead-letters/{letter_id}
read    -         GET /v1/dead-letters/{letter_id}
manage  -         POST /v1/dead-letters/{letter_id}/replay
read    own       GET /v1/digest-schedules
manage  -         POST /v1/digest-schedules
manage  -         DELETE /v1/digest-schedules/{digest_schedule_id}
read    own       GET /v1/digest-schedules/{digest_schedule_id}
manage  own       PATCH /v1/digest-schedules/{digest_schedule_id}
read    own       GET /v1/digest-schedules/{digest_schedule_id}/occurrences
read    -         GET /v1/digest-schedules/{digest_schedule_id}/preview
manage  -         POST /v1/digest-schedules/{digest_schedule_id}/run
read    -         GET /v1/groups
manage  -         POST /v1/groups
manage  -         DELETE /v1/groups/{group_id}
read    -         GET /v1/groups/{group_id}
manage  -         PATCH /v1/groups/{group_id}
read    -         GET /v1/groups/{group_id}/members
manage  -         POST /v1/groups/{group_id}/members
manage  -         DELETE /v1/groups/{group_id}/members/{member_id}
read    -         GET /v1/groups/{group_id}/members/{member_id}
manage  -         PATCH /v1/groups/{group_id}/members/{member_id}
manage  -         POST /v1/groups/{group_id}/members/{member_id}/read
read    -         GET /v1/groups/{group_id}/members/{member_id}/unread
read    -         GET /v1/groups/{group_id}/updates
manage  -         POST /v1/groups/{group_id}/updates
manage  -         DELETE /v1/groups/{group_id}/updates/{update_id}
read    -         GET /v1/groups/{group_id}/updates/{update_id}
manage  -         PATCH /v1/groups/{group_id}/updates/{update_id}
read    own       GET /v1/inbox
read    own       GET /v1/inbox/preferences
manage  own       PATCH /v1/inbox/preferences
read    own       GET /v1/inbox/preferences/{preference_id}
manage  own       PATCH /v1/inbox/preferences/{preference_id}
manage  own       PATCH /v1/inbox/read-all
read    own       GET /v1/inbox/stream
read    own       GET /v1/inbox/unread-count
manage  own       DELETE /v1/inbox/{notification_id}
read    own       GET /v1/inbox/{notification_id}
manage  own       PATCH /v1/inbox/{notification_id}/archive
manage  own       PATCH /v1/inbox/{notification_id}/read
manage  own       PATCH /v1/inbox/{notification_id}/snooze
manage  own       PATCH /v1/inbox/{notification_id}/unarchive
manage  own       PATCH /v1/inbox/{notification_id}/unread
read    own       GET /v1/jobs
send    declared  POST /v1/jobs
manage  -         POST /v1/jobs/cancel
read    -         GET /v1/jobs/metrics
manage  -         POST /v1/jobs/retry
manage  asked     DELETE /v1/jobs/{job_id}
read    own       GET /v1/jobs/{job_id}
manage  asked     POST /v1/jobs/{job_id}/retry
read    own       GET /v1/jobs/{job_id}/timeline
read    -         GET /v1/jobs/{job_id}/logs
send    -         POST /v1/notifications
send    -         POST /v1/notifications/bulk
send    -         POST /v1/notifications/simulate
operator -        GET /v1/projects
read    -         GET /v1/projects/me
manage  -         PATCH /v1/projects/me
admin   -         POST /v1/projects/me/revoked-users
admin   -         GET /v1/projects/me/signing-keys
admin   -         POST /v1/projects/me/signing-keys
admin   -         DELETE /v1/projects/me/signing-keys/{signing_key_id}
admin   -         GET /v1/projects/me/signing-keys/{signing_key_id}
admin   -         POST /v1/projects/me/signing-keys/{signing_key_id}/rotate
admin   -         GET /v1/projects/me/token-rules
admin   -         PATCH /v1/projects/me/token-rules
operator -        PATCH /v1/projects/{project_id}/quotas
read    -         GET /v1/providers
manage  -         POST /v1/providers/{provider}/test
read    -         GET /v1/queues
operator -        POST /v1/queues/{channel}/pause
operator -        POST /v1/queues/{channel}/resume
read    own       GET /v1/recipients
manage  -         POST /v1/recipients
manage  -         PUT /v1/recipients
manage  -         POST /v1/recipients/import
manage  -         DELETE /v1/recipients/{recipient_id}
read    own       GET /v1/recipients/{recipient_id}
manage  own       PATCH /v1/recipients/{recipient_id}
manage  code      POST /v1/recipients/{recipient_id}/addresses/confirm
manage  own       DELETE /v1/recipients/{recipient_id}/addresses/pending
manage  -         DELETE /v1/recipients/{recipient_id}/links
read    own       GET /v1/recipients/{recipient_id}/export
manage  own       PUT /v1/recipients/{recipient_id}/preferences
manage  -         GET /v1/recipients/{recipient_id}/webhook-secret
read    -         GET /v1/schedules
manage  -         POST /v1/schedules
manage  -         DELETE /v1/schedules/{schedule_id}
read    -         GET /v1/schedules/{schedule_id}
manage  -         PATCH /v1/schedules/{schedule_id}
read    -         GET /v1/schedules/{schedule_id}/occurrences
manage  -         POST /v1/schedules/{schedule_id}/run
read    -         GET /v1/schedules/{schedule_id}/runs
read    -         GET /v1/senders
manage  -         POST /v1/senders
manage  -         DELETE /v1/senders/{sender_id}
read    -         GET /v1/senders/{sender_id}
manage  -         POST /v1/senders/{sender_id}/verify
manage  -         DELETE /v1/suppressions
read    -         GET /v1/suppressions
manage  -         POST /v1/suppressions
read    -         GET /v1/suppressions/export
manage  -         POST /v1/suppressions/import
manage  -         DELETE /v1/suppressions/{suppression_id}
read    -         GET /v1/suppressions/{suppression_id}
read    -         POST /v1/template-previews
read    -         GET /v1/templates
manage  -         POST /v1/templates
manage  -         DELETE /v1/templates/{template_id}
read    -         GET /v1/templates/{template_id}
manage  -         PATCH /v1/templates/{template_id}
read    -         POST /v1/templates/{template_id}/preview
manage  -         POST /v1/templates/{template_id}/rollback
read    -         GET /v1/templates/{template_id}/versions
read    -         GET /v1/templates/{template_id}/versions/{version}
read    -         GET /v1/webhooks
manage  -         POST /v1/webhooks
manage  -         DELETE /v1/webhooks/{endpoint_id}
read    -         GET /v1/webhooks/{endpoint_id}
manage  -         PATCH /v1/webhooks/{endpoint_id}
read    -         GET /v1/webhooks/{endpoint_id}/deliveries
read    -         GET /v1/webhooks/{endpoint_id}/deliveries/{message_id}
manage  -         POST /v1/webhooks/{endpoint_id}/deliveries/{message_id}/redeliver
manage  -         POST /v1/webhooks/{endpoint_id}/recover
manage  -         POST /v1/webhooks/{endpoint_id}/rotate-secret
manage  -         POST /v1/webhooks/{endpoint_id}/test
"""
"""The scope that a key needs (`admin` has all; `operator`: `admin` of the operators' project), what end users may, and
the route. Users:

    -         nothing
    own       what is theirs
    code      with the code that was sent to them
    asked     of what is theirs only what they asked for themselves
    declared  only tasks that are declared for users
"""


Caller = Scope | Literal["operator"]
"""A kind of key."""

CALLERS: tuple[Caller, ...] = ("send", "read", "manage", "admin", "operator")


class Right(NamedTuple):
    scope: Caller
    users: str


def rights() -> dict[tuple[str, str], Right]:
    """By method (in small letters) and path. Raises `ValueError` for a line that is none, or stands twice."""
    scopes: dict[str, Caller] = {each: each for each in CALLERS}
    found: dict[tuple[str, str], Right] = {}
    for line in RIGHTS.split("\n")[1:-1]:
        scope, users, method, path = line.split()
        if scope not in scopes or (method.lower(), path) in found:
            raise ValueError(line)
        found[method.lower(), path] = Right(scopes[scope], users)
    return found
