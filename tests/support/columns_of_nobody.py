"""Columns that hold text and no personal data: neither erased nor exported."""

OF_NOBODY: dict[str, set[str]] = {
    "accepted_days": {"day"},
    "task_types": {"name", "payload_schema"},
    "task_attempts": {"outcome", "worker"},
    "tasks": {"type", "worker"},
    "changes": {"channel", "previous_state", "state"},
    "change_listeners": {"name", "seen", "shown"},
    "bulk_actions": {
        "kind",
        "actor",
        "actor_id",
        "state",
        "refused",
    },  # who: a key or an operator
    "api_keys": {"name", "hint", "key_hash", "scopes", "made_by_kind", "made_by", "made_by_name"},
    "attempts": {"provider", "outcome", "code", "claimed_by", "resolved_as", "proof", "measured"},
    "auto_syncs": {"status", "response_goal", "timezone", "channel"},
    "audit_log": {"actor", "action", "detail"},  # `audit.record` forbids personal data in `detail`
    "connection_schemas": {"fingerprint", "document"},  # of tables, not of rows
    "connections": {"name", "host", "database", "username", "sealed_password", "sslmode"},
    "console_sessions": {"hash"},
    "person_sessions": {"hash", "issuer", "subject", "name", "role"},  # of operators, over within a day
    "dead_letters": {"source_id", "queue", "reason", "message_type", "job_type", "replay_by"},
    "deliveries": {"channel", "state", "on_unknown", "claimed_by", "provider", "error"}
    | {"maybe_accepted_by", "refused_by"},
    "event_windows": {"cause", "addressee", "type", "carrier_state"},  # of a bare address the keyed hash
    "digest_schedules": {"frequency", "delivery_time", "timezone", "misfire", "include_content_types"},
    "events": {"kind"},
    "files": {"kind", "media_type", "name"},  # a connection's name, and a time
    "groups": {"external_id", "name", "metadata"},
    "idempotency_keys": {"key", "fingerprint"},  # hashes
    "inbox": {"type"},
    "job_standings": {"state"},
    "jobs": {"kind", "type", "state", "channels", "on_unknown", "error", "deliver_at", "escalate"},
    "lane_rates": {"instance", "channel"},
    "mailboxes": {"name", "reader", "failure"},
    "open_sockets": {"instance"},
    "pauses": {"channel", "reason"},
    "pending_addresses": {"kind"},
    "project_usage": {"exceeded"},  # names of quotas
    "projects": {"name", "mail_from", "reply_to", "caps", "brand"} | {"token_issuer", "token_audience"},
    "provider_budgets": {"channel", "provider"},
    "provider_limits": {"instance", "channel", "provider", "cause", "code", "place"}
    | {"breaker", "failed_code"},
    "revoked_users": {"user_hash"},  # hashes, so that who was revoked stays so
    "schema_version": {"usable_from", "version_num"},
    "schedule_runs": {"state", "error"},
    "schedules": {"name", "cron", "every", "timezone", "misfire", "kind", "type", "to_kind", "last_error"},
    "senders": {"kind", "value", "name", "token"},  # the project's own addresses
    "service_heartbeats": {"service", "instance"},
    "set_aside": {"duty", "subject", "error"},  # ids of rows, names of exceptions
    "signing_keys": {"name", "algorithm", "public_key"},
    "stored_parts": {"part"},  # names of tables
    "stored_walks": {"part"},
    "stored_weeks": {"week"},
    "suppression_key": {"key"},
    "suppressions": {"hash", "reason"},  # the hash stays, so that the address stays suppressed
    "template_contents": {"channel", "locale", "subject", "body_text", "body_html", "body_mjml"}
    | {"compiled_html", "required", "approved"},
    "templates": {"name", "default_locale", "mail_from", "reply_to", "labels"},
    "time_zones": {"name"},
    "updates": {
        "external_id",
        "content_type",
        "title",
        "body",
        "url",
        "metadata",
    },  # the group's, without their author
    "webhook_attempts": {"outcome", "error"},
    "webhook_endpoints": {"url", "description", "events", "disabled_reason"},  # the project's own
    "webhook_messages": {"event", "body", "state", "owner"},  # ids and states; the owner is a sender
    "whatsapp_windows": {"provider"},
}
