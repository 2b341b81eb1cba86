export namespace apiKeys {
    let list: import("./shapes.js").Operation<"list", "get", "/v1/api-keys">;
    let create: import("./shapes.js").Operation<"write", "post", "/v1/api-keys">;
    let get: import("./shapes.js").Operation<"call", "get", "/v1/api-keys/{key_id}">;
    let change: import("./shapes.js").Operation<"write", "patch", "/v1/api-keys/{key_id}">;
    let rotate: import("./shapes.js").Operation<"write", "post", "/v1/api-keys/{key_id}/rotate">;
    let revokeOf: import("./shapes.js").Operation<"write", "post", "/v1/api-keys/revoke">;
    let revoke: import("./shapes.js").Operation<"call", "delete", "/v1/api-keys/{key_id}">;
}
export namespace audit {
    let list_1: import("./shapes.js").Operation<"list", "get", "/v1/audit-log">;
    export { list_1 as list };
}
export namespace autoSyncs {
    let list_2: import("./shapes.js").Operation<"list", "get", "/v1/auto-syncs">;
    export { list_2 as list };
    let create_1: import("./shapes.js").Operation<"write", "post", "/v1/auto-syncs">;
    export { create_1 as create };
    let get_1: import("./shapes.js").Operation<"call", "get", "/v1/auto-syncs/{sync_id}">;
    export { get_1 as get };
    let change_1: import("./shapes.js").Operation<"write", "patch", "/v1/auto-syncs/{sync_id}">;
    export { change_1 as change };
    let _delete: import("./shapes.js").Operation<"call", "delete", "/v1/auto-syncs/{sync_id}">;
    export { _delete as delete };
    export let responses: import("./shapes.js").Operation<"list", "get", "/v1/auto-syncs/{sync_id}/responses">;
    export let respond: import("./shapes.js").Operation<"write", "post", "/v1/auto-syncs/{sync_id}/responses">;
    export let pause: import("./shapes.js").Operation<"call", "post", "/v1/auto-syncs/{sync_id}/pause">;
    export let resume: import("./shapes.js").Operation<"call", "post", "/v1/auto-syncs/{sync_id}/resume">;
    export let complete: import("./shapes.js").Operation<"call", "post", "/v1/auto-syncs/{sync_id}/complete">;
    export let run: import("./shapes.js").Operation<"call", "post", "/v1/auto-syncs/{sync_id}/run">;
}
export namespace batches {
    let get_2: import("./shapes.js").Operation<"call", "get", "/v1/batches/{batch_id}">;
    export { get_2 as get };
}
export namespace bulkActions {
    let create_2: import("./shapes.js").Operation<"write", "post", "/v1/bulk-actions">;
    export { create_2 as create };
    let list_3: import("./shapes.js").Operation<"list", "get", "/v1/bulk-actions">;
    export { list_3 as list };
    let get_3: import("./shapes.js").Operation<"call", "get", "/v1/bulk-actions/{bulk_action_id}">;
    export { get_3 as get };
    export let stop: import("./shapes.js").Operation<"call", "post", "/v1/bulk-actions/{bulk_action_id}/stop">;
}
export namespace connections {
    let list_4: import("./shapes.js").Operation<"list", "get", "/v1/connections">;
    export { list_4 as list };
    let create_3: import("./shapes.js").Operation<"write", "post", "/v1/connections">;
    export { create_3 as create };
    let get_4: import("./shapes.js").Operation<"call", "get", "/v1/connections/{connection_id}">;
    export { get_4 as get };
    let change_2: import("./shapes.js").Operation<"write", "patch", "/v1/connections/{connection_id}">;
    export { change_2 as change };
    let _delete_1: import("./shapes.js").Operation<"call", "delete", "/v1/connections/{connection_id}">;
    export { _delete_1 as delete };
    export let rebuild: import("./shapes.js").Operation<"write", "post", "/v1/connections/{connection_id}/rebuild">;
    export let schema: import("./shapes.js").Operation<"call", "get", "/v1/connections/{connection_id}/schema">;
}
export namespace console {
    let link: import("./shapes.js").Operation<"call", "post", "/v1/console/links">;
}
export namespace deadLetters {
    let list_5: import("./shapes.js").Operation<"list", "get", "/v1/dead-letters">;
    export { list_5 as list };
    let get_5: import("./shapes.js").Operation<"call", "get", "/v1/dead-letters/{letter_id}">;
    export { get_5 as get };
    export let replay: import("./shapes.js").Operation<"call", "post", "/v1/dead-letters/{letter_id}/replay">;
    export let replayMany: import("./shapes.js").Operation<"write", "post", "/v1/dead-letters/replay">;
    let _delete_2: import("./shapes.js").Operation<"call", "delete", "/v1/dead-letters/{letter_id}">;
    export { _delete_2 as delete };
    export let deleteMany: import("./shapes.js").Operation<"ask", "delete", "/v1/dead-letters">;
}
export namespace digestSchedules {
    let list_6: import("./shapes.js").Operation<"list", "get", "/v1/digest-schedules">;
    export { list_6 as list };
    let create_4: import("./shapes.js").Operation<"write", "post", "/v1/digest-schedules">;
    export { create_4 as create };
    let get_6: import("./shapes.js").Operation<"call", "get", "/v1/digest-schedules/{digest_schedule_id}">;
    export { get_6 as get };
    let change_3: import("./shapes.js").Operation<"write", "patch", "/v1/digest-schedules/{digest_schedule_id}">;
    export { change_3 as change };
    let _delete_3: import("./shapes.js").Operation<"call", "delete", "/v1/digest-schedules/{digest_schedule_id}">;
    export { _delete_3 as delete };
    export let occurrences: import("./shapes.js").Operation<"ask", "get", "/v1/digest-schedules/{digest_schedule_id}/occurrences">;
    export let preview: import("./shapes.js").Operation<"call", "get", "/v1/digest-schedules/{digest_schedule_id}/preview">;
    let run_1: import("./shapes.js").Operation<"call", "post", "/v1/digest-schedules/{digest_schedule_id}/run">;
    export { run_1 as run };
}
export namespace groups {
    let list_7: import("./shapes.js").Operation<"list", "get", "/v1/groups">;
    export { list_7 as list };
    let create_5: import("./shapes.js").Operation<"write", "post", "/v1/groups">;
    export { create_5 as create };
    let get_7: import("./shapes.js").Operation<"call", "get", "/v1/groups/{group_id}">;
    export { get_7 as get };
    let change_4: import("./shapes.js").Operation<"write", "patch", "/v1/groups/{group_id}">;
    export { change_4 as change };
    let _delete_4: import("./shapes.js").Operation<"call", "delete", "/v1/groups/{group_id}">;
    export { _delete_4 as delete };
    export let members: import("./shapes.js").Operation<"list", "get", "/v1/groups/{group_id}/members">;
    export let addMembers: import("./shapes.js").Operation<"write", "post", "/v1/groups/{group_id}/members">;
    export let getMember: import("./shapes.js").Operation<"call", "get", "/v1/groups/{group_id}/members/{member_id}">;
    export let changeMember: import("./shapes.js").Operation<"write", "patch", "/v1/groups/{group_id}/members/{member_id}">;
    export let removeMember: import("./shapes.js").Operation<"call", "delete", "/v1/groups/{group_id}/members/{member_id}">;
    export let unread: import("./shapes.js").Operation<"list", "get", "/v1/groups/{group_id}/members/{member_id}/unread">;
    export let markRead: import("./shapes.js").Operation<"write", "post", "/v1/groups/{group_id}/members/{member_id}/read">;
    export let updates: import("./shapes.js").Operation<"list", "get", "/v1/groups/{group_id}/updates">;
    export let postUpdate: import("./shapes.js").Operation<"write", "post", "/v1/groups/{group_id}/updates">;
    export let getUpdate: import("./shapes.js").Operation<"call", "get", "/v1/groups/{group_id}/updates/{update_id}">;
    export let changeUpdate: import("./shapes.js").Operation<"write", "patch", "/v1/groups/{group_id}/updates/{update_id}">;
    export let deleteUpdate: import("./shapes.js").Operation<"call", "delete", "/v1/groups/{group_id}/updates/{update_id}">;
}
export namespace health {
    let get_8: import("./shapes.js").Operation<"call", "get", "/health">;
    export { get_8 as get };
}
export namespace inbox {
    let list_8: import("./shapes.js").Operation<"list", "get", "/v1/inbox">;
    export { list_8 as list };
    let get_9: import("./shapes.js").Operation<"ask", "get", "/v1/inbox/{notification_id}">;
    export { get_9 as get };
    export let unreadCount: import("./shapes.js").Operation<"ask", "get", "/v1/inbox/unread-count">;
    let markRead_1: import("./shapes.js").Operation<"call", "patch", "/v1/inbox/{notification_id}/read">;
    export { markRead_1 as markRead };
    export let markUnread: import("./shapes.js").Operation<"call", "patch", "/v1/inbox/{notification_id}/unread">;
    export let markAllRead: import("./shapes.js").Operation<"write", "patch", "/v1/inbox/read-all">;
    export let archive: import("./shapes.js").Operation<"call", "patch", "/v1/inbox/{notification_id}/archive">;
    export let unarchive: import("./shapes.js").Operation<"call", "patch", "/v1/inbox/{notification_id}/unarchive">;
    export let snooze: import("./shapes.js").Operation<"write", "patch", "/v1/inbox/{notification_id}/snooze">;
    let _delete_5: import("./shapes.js").Operation<"ask", "delete", "/v1/inbox/{notification_id}">;
    export { _delete_5 as delete };
    export let preferences: import("./shapes.js").Operation<"list", "get", "/v1/inbox/preferences">;
    export let preference: import("./shapes.js").Operation<"ask", "get", "/v1/inbox/preferences/{preference_id}">;
    export let setPreference: import("./shapes.js").Operation<"write", "patch", "/v1/inbox/preferences/{preference_id}">;
    export let setChannels: import("./shapes.js").Operation<"write", "patch", "/v1/inbox/preferences">;
}
export namespace jobs {
    let list_9: import("./shapes.js").Operation<"list", "get", "/v1/jobs">;
    export { list_9 as list };
    let create_6: import("./shapes.js").Operation<"write", "post", "/v1/jobs">;
    export { create_6 as create };
    let get_10: import("./shapes.js").Operation<"call", "get", "/v1/jobs/{job_id}">;
    export { get_10 as get };
    export let timeline: import("./shapes.js").Operation<"call", "get", "/v1/jobs/{job_id}/timeline">;
    export let logs: import("./shapes.js").Operation<"list", "get", "/v1/jobs/{job_id}/logs">;
    export let metrics: import("./shapes.js").Operation<"ask", "get", "/v1/jobs/metrics">;
    export let cancel: import("./shapes.js").Operation<"call", "delete", "/v1/jobs/{job_id}">;
    export let cancelByKey: import("./shapes.js").Operation<"write", "post", "/v1/jobs/cancel">;
    export let retry: import("./shapes.js").Operation<"call", "post", "/v1/jobs/{job_id}/retry">;
    export let retryMany: import("./shapes.js").Operation<"write", "post", "/v1/jobs/retry">;
}
export namespace notifications {
    let send: import("./shapes.js").Operation<"write", "post", "/v1/notifications">;
    let sendBulk: import("./shapes.js").Operation<"write", "post", "/v1/notifications/bulk">;
    let simulate: import("./shapes.js").Operation<"write", "post", "/v1/notifications/simulate">;
}
export namespace projects {
    let list_10: import("./shapes.js").Operation<"list", "get", "/v1/projects">;
    export { list_10 as list };
    export let me: import("./shapes.js").Operation<"call", "get", "/v1/projects/me">;
    let change_5: import("./shapes.js").Operation<"write", "patch", "/v1/projects/me">;
    export { change_5 as change };
    export let setQuotas: import("./shapes.js").Operation<"write", "patch", "/v1/projects/{project_id}/quotas">;
}
export namespace providers {
    let get_11: import("./shapes.js").Operation<"call", "get", "/v1/providers">;
    export { get_11 as get };
    export let test: import("./shapes.js").Operation<"write", "post", "/v1/providers/{provider}/test">;
}
export namespace queues {
    let get_12: import("./shapes.js").Operation<"call", "get", "/v1/queues">;
    export { get_12 as get };
    let pause_1: import("./shapes.js").Operation<"write", "post", "/v1/queues/{channel}/pause">;
    export { pause_1 as pause };
    let resume_1: import("./shapes.js").Operation<"write", "post", "/v1/queues/{channel}/resume">;
    export { resume_1 as resume };
}
export namespace recipients {
    let list_11: import("./shapes.js").Operation<"list", "get", "/v1/recipients">;
    export { list_11 as list };
    let create_7: import("./shapes.js").Operation<"write", "post", "/v1/recipients">;
    export { create_7 as create };
    export let upsert: import("./shapes.js").Operation<"write", "put", "/v1/recipients">;
    export let importCsv: import("./shapes.js").Operation<"write", "post", "/v1/recipients/import">;
    let get_13: import("./shapes.js").Operation<"call", "get", "/v1/recipients/{recipient_id}">;
    export { get_13 as get };
    let change_6: import("./shapes.js").Operation<"write", "patch", "/v1/recipients/{recipient_id}">;
    export { change_6 as change };
    let _delete_6: import("./shapes.js").Operation<"call", "delete", "/v1/recipients/{recipient_id}">;
    export { _delete_6 as delete };
    export let setPreferences: import("./shapes.js").Operation<"write", "put", "/v1/recipients/{recipient_id}/preferences">;
    export let confirmPhone: import("./shapes.js").Operation<"write", "post", "/v1/recipients/{recipient_id}/addresses/confirm">;
    export let withdrawAddresses: import("./shapes.js").Operation<"call", "delete", "/v1/recipients/{recipient_id}/addresses/pending">;
    export let revokeLinks: import("./shapes.js").Operation<"call", "delete", "/v1/recipients/{recipient_id}/links">;
    let _export: import("./shapes.js").Operation<"call", "get", "/v1/recipients/{recipient_id}/export">;
    export { _export as export };
    export let webhookSecret: import("./shapes.js").Operation<"call", "get", "/v1/recipients/{recipient_id}/webhook-secret">;
}
export namespace schedules {
    let list_12: import("./shapes.js").Operation<"list", "get", "/v1/schedules">;
    export { list_12 as list };
    let create_8: import("./shapes.js").Operation<"write", "post", "/v1/schedules">;
    export { create_8 as create };
    let get_14: import("./shapes.js").Operation<"call", "get", "/v1/schedules/{schedule_id}">;
    export { get_14 as get };
    let change_7: import("./shapes.js").Operation<"write", "patch", "/v1/schedules/{schedule_id}">;
    export { change_7 as change };
    let _delete_7: import("./shapes.js").Operation<"call", "delete", "/v1/schedules/{schedule_id}">;
    export { _delete_7 as delete };
    let occurrences_1: import("./shapes.js").Operation<"ask", "get", "/v1/schedules/{schedule_id}/occurrences">;
    export { occurrences_1 as occurrences };
    let run_2: import("./shapes.js").Operation<"call", "post", "/v1/schedules/{schedule_id}/run">;
    export { run_2 as run };
    export let runs: import("./shapes.js").Operation<"list", "get", "/v1/schedules/{schedule_id}/runs">;
}
export namespace senders {
    let list_13: import("./shapes.js").Operation<"list", "get", "/v1/senders">;
    export { list_13 as list };
    export let add: import("./shapes.js").Operation<"write", "post", "/v1/senders">;
    let get_15: import("./shapes.js").Operation<"call", "get", "/v1/senders/{sender_id}">;
    export { get_15 as get };
    export let verify: import("./shapes.js").Operation<"write", "post", "/v1/senders/{sender_id}/verify">;
    export let remove: import("./shapes.js").Operation<"call", "delete", "/v1/senders/{sender_id}">;
}
export namespace signingKeys {
    let list_14: import("./shapes.js").Operation<"list", "get", "/v1/projects/me/signing-keys">;
    export { list_14 as list };
    let create_9: import("./shapes.js").Operation<"write", "post", "/v1/projects/me/signing-keys">;
    export { create_9 as create };
    let get_16: import("./shapes.js").Operation<"call", "get", "/v1/projects/me/signing-keys/{signing_key_id}">;
    export { get_16 as get };
    let rotate_1: import("./shapes.js").Operation<"write", "post", "/v1/projects/me/signing-keys/{signing_key_id}/rotate">;
    export { rotate_1 as rotate };
    let revoke_1: import("./shapes.js").Operation<"call", "delete", "/v1/projects/me/signing-keys/{signing_key_id}">;
    export { revoke_1 as revoke };
}
export namespace suppressions {
    let list_15: import("./shapes.js").Operation<"list", "get", "/v1/suppressions">;
    export { list_15 as list };
    let add_1: import("./shapes.js").Operation<"write", "post", "/v1/suppressions">;
    export { add_1 as add };
    let get_17: import("./shapes.js").Operation<"call", "get", "/v1/suppressions/{suppression_id}">;
    export { get_17 as get };
    let remove_1: import("./shapes.js").Operation<"call", "delete", "/v1/suppressions/{suppression_id}">;
    export { remove_1 as remove };
    export let removeAddress: import("./shapes.js").Operation<"ask", "delete", "/v1/suppressions">;
    let importCsv_1: import("./shapes.js").Operation<"write", "post", "/v1/suppressions/import">;
    export { importCsv_1 as importCsv };
    export let exportCsv: import("./shapes.js").Operation<"ask", "get", "/v1/suppressions/export">;
}
export namespace templates {
    let list_16: import("./shapes.js").Operation<"list", "get", "/v1/templates">;
    export { list_16 as list };
    let create_10: import("./shapes.js").Operation<"write", "post", "/v1/templates">;
    export { create_10 as create };
    let get_18: import("./shapes.js").Operation<"call", "get", "/v1/templates/{template_id}">;
    export { get_18 as get };
    let change_8: import("./shapes.js").Operation<"write", "patch", "/v1/templates/{template_id}">;
    export { change_8 as change };
    let _delete_8: import("./shapes.js").Operation<"call", "delete", "/v1/templates/{template_id}">;
    export { _delete_8 as delete };
    export let versions: import("./shapes.js").Operation<"list", "get", "/v1/templates/{template_id}/versions">;
    export let version: import("./shapes.js").Operation<"call", "get", "/v1/templates/{template_id}/versions/{version}">;
    export let rollback: import("./shapes.js").Operation<"write", "post", "/v1/templates/{template_id}/rollback">;
    let preview_1: import("./shapes.js").Operation<"write", "post", "/v1/templates/{template_id}/preview">;
    export { preview_1 as preview };
    export let previewContents: import("./shapes.js").Operation<"write", "post", "/v1/template-previews">;
}
export namespace userTokens {
    export let rules: import("./shapes.js").Operation<"call", "get", "/v1/projects/me/token-rules">;
    export let changeRules: import("./shapes.js").Operation<"write", "patch", "/v1/projects/me/token-rules">;
    let revoke_2: import("./shapes.js").Operation<"write", "post", "/v1/projects/me/revoked-users">;
    export { revoke_2 as revoke };
}
export namespace webhooks {
    let list_17: import("./shapes.js").Operation<"list", "get", "/v1/webhooks">;
    export { list_17 as list };
    let create_11: import("./shapes.js").Operation<"write", "post", "/v1/webhooks">;
    export { create_11 as create };
    let get_19: import("./shapes.js").Operation<"call", "get", "/v1/webhooks/{endpoint_id}">;
    export { get_19 as get };
    let change_9: import("./shapes.js").Operation<"write", "patch", "/v1/webhooks/{endpoint_id}">;
    export { change_9 as change };
    let _delete_9: import("./shapes.js").Operation<"call", "delete", "/v1/webhooks/{endpoint_id}">;
    export { _delete_9 as delete };
    export let rotateSecret: import("./shapes.js").Operation<"call", "post", "/v1/webhooks/{endpoint_id}/rotate-secret">;
    let test_1: import("./shapes.js").Operation<"call", "post", "/v1/webhooks/{endpoint_id}/test">;
    export { test_1 as test };
    export let recover: import("./shapes.js").Operation<"write", "post", "/v1/webhooks/{endpoint_id}/recover">;
    export let deliveries: import("./shapes.js").Operation<"list", "get", "/v1/webhooks/{endpoint_id}/deliveries">;
    export let delivery: import("./shapes.js").Operation<"call", "get", "/v1/webhooks/{endpoint_id}/deliveries/{message_id}">;
    export let redeliver: import("./shapes.js").Operation<"call", "post", "/v1/webhooks/{endpoint_id}/deliveries/{message_id}/redeliver">;
}
