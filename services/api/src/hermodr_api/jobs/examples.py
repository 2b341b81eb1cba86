"""Examples of jobs for the OpenAPI description."""

from pydantic.config import JsonDict

JOB_ID = "01a2018c-e359-7702-8eb3-8dd0fbf20000"
BATCH_ID = "01a2018c-d1f0-7b55-9e0c-6a3f1b2d0000"
DELIVERY_ID = "01a2018c-e4c3-7a11-8f5b-2c7d9e1a0000"

ACCEPTED: JsonDict = {
    "job_id": JOB_ID,
    "message_id": f"<{JOB_ID}@hermodr.example.com>",
    "status": "queued",
    "status_url": f"/v1/jobs/{JOB_ID}",
}
JOB: JsonDict = {
    "id": JOB_ID,
    "kind": "notification",
    "type": "magic_link",
    "status": "completed",
    "priority": "urgent",
    "delivery_method": "email",
    "channels": ["email"],
    "scheduled_for": None,
    "deferred_until": None,
    "created_at": "2026-11-22T09:00:00Z",
    "processed_at": "2026-11-22T09:00:00.009000Z",
    "finished_at": "2026-11-22T09:00:00.021000Z",
    "processing_time_ms": 12,
    "time_until_scheduled_ms": None,
    "retry_count": 0,
    "message_id": f"<{JOB_ID}@hermodr.example.com>",
    "batch_id": None,
    "group_id": None,
    "update_id": None,
    "progress": None,
    "result": None,
    "error": None,
    "singleton_key": None,
    "on_unknown": None,
    "expires_at": "2026-11-22T09:15:00Z",
    "max_retries": None,
    "cancel_key": None,
    "metadata": {"booking": 4711},
}
LOG: JsonDict = {
    "data": [
        {
            "attempt": 1,
            "number": 1,
            "at": "2026-11-22T09:00:00.013000Z",
            "text": "4711 rows to read",
            "left_out": 0,
        }
    ],
    "next_cursor": None,
}
DELIVERY: JsonDict = {
    "id": DELIVERY_ID,
    "channel": "email",
    "state": "sent",
    "address": "ada@example.com",
    "address_name": "Ada",
    "template_version": 1,
    "locale": "en",
    "attempt": 1,
    "max_attempts": 8,
    "due_at": None,
    "provider": "smtp",
    "provider_message_id": None,
    "error": None,
    "created_at": "2026-11-22T09:00:00.008000Z",
    "finished_at": "2026-11-22T09:00:00.021000Z",
    "opened_at": None,
    "clicked_at": None,
    "segments": None,
    "country": None,
}
ATTEMPT: JsonDict = {
    "delivery_id": DELIVERY_ID,
    "number": 1,
    "provider": "smtp",
    "outcome": "sent",
    "code": "250",
    "detail": "2.0.0 queued",
    "provider_message_id": None,
    "started_at": "2026-11-22T09:00:00.012000Z",
    "finished_at": "2026-11-22T09:00:00.020000Z",
    "resolved_as": None,
    "proof": None,
    "measured": {},
}
HISTORY: JsonDict = {
    "job": JOB,
    "recipient": {"email": "ada@example.com", "phone": None, "name": "Ada", "locale": None},
    "deliveries": [DELIVERY],
    "delivery_logs": [ATTEMPT],
    "envelope": {
        "from": None,
        "reply_to": ["help@example.com"],
        "cc": [],
        "bcc": [],
        "headers": {"X-Order": "4711"},
    },
    "attachments": [
        {"filename": "invoice.pdf", "content_type": "application/pdf", "size": 48211, "content_id": None}
    ],
    "task": None,
}
TIMELINE: JsonDict = {
    "job_id": JOB_ID,
    "status": "completed",
    "data": [
        {
            "at": "2026-11-22T09:00:00Z",
            "event": "requested",
            "detail": {"kind": "notification", "type": "magic_link", "priority": "urgent"},
            "delivery_id": None,
        },
        {
            "at": "2026-11-22T09:00:00.020000Z",
            "event": "attempted",
            "detail": {"number": 1, "provider": "smtp", "outcome": "sent", "code": "250"},
            "delivery_id": DELIVERY_ID,
        },
    ],
}
CANCELLED: JsonDict = {
    "job_id": JOB_ID,
    "status": "cancelled",
    "cancelled_deliveries": 1,
    "sent_deliveries": 0,
    "status_url": f"/v1/jobs/{JOB_ID}",
}
RETRIED: JsonDict = {
    "dry_run": False,
    "matched": 12,
    "retried": 11,
    "not_retried": [{"job_id": JOB_ID, "reason": "the job is failed, and nothing in it is left to send"}],
    "next_cursor": None,
}
BATCH: JsonDict = {
    "batch_id": BATCH_ID,
    "accepted": 9998,
    "rejected": 2,
    "counts": {"completed": 9000, "queued": 998},
    "finished": False,
    "created_at": "2026-11-22T09:00:00Z",
}
BATCH_ACCEPTED: JsonDict = {"batch_id": BATCH_ID, "accepted": 17}
BULK_ACCEPTED: JsonDict = {
    "batch_id": BATCH_ID,
    "accepted": 9999,
    "rejected": [{"index": 17, "errors": [{"loc": ["to"], "msg": "this field is required"}]}],
    "replayed": [{"index": 3, "job_id": JOB_ID}],
}
