/**
 * Every call of the HTTP API, by noun; `client.js` makes methods of them, `shapes.ts` their types. A test holds the
 * table to docs/openapi.json.
 */

import { ask, call, list, write } from "./operation.js";

export const apiKeys = {
  /** List API keys. */
  list: list("/v1/api-keys"),
  /** Create an API key. */
  create: write("post", "/v1/api-keys"),
  /** Show an API key. */
  get: call("get", "/v1/api-keys/{key_id}"),
  /** Change an API key. */
  change: write("patch", "/v1/api-keys/{key_id}"),
  /** Replace an API key by a new one like it; both hold for a while. */
  rotate: write("post", "/v1/api-keys/{key_id}/rotate"),
  /** Revoke all API keys that somebody made. */
  revokeOf: write("post", "/v1/api-keys/revoke"),
  /** Revoke an API key. */
  revoke: call("delete", "/v1/api-keys/{key_id}"),
};

export const audit = {
  /** List what operators changed. */
  list: list("/v1/audit-log"),
};

export const autoSyncs = {
  /** List auto-syncs. */
  list: list("/v1/auto-syncs"),
  /** Ask a group for answers. */
  create: write("post", "/v1/auto-syncs"),
  /** Show an auto-sync and where it stands. */
  get: call("get", "/v1/auto-syncs/{sync_id}"),
  /** Change an auto-sync, or cancel it. */
  change: write("patch", "/v1/auto-syncs/{sync_id}"),
  /** Delete an auto-sync with its answers; messages that were requested stay. */
  delete: call("delete", "/v1/auto-syncs/{sync_id}"),
  /** List everybody who is asked, with the answers. */
  responses: list("/v1/auto-syncs/{sync_id}/responses"),
  /** Record a member's answer; the last that the goal needs completes the auto-sync. */
  respond: write("post", "/v1/auto-syncs/{sync_id}/responses"),
  /** Pause an auto-sync; its waiting job is skipped. */
  pause: call("post", "/v1/auto-syncs/{sync_id}/pause"),
  /** Resume an auto-sync. */
  resume: call("post", "/v1/auto-syncs/{sync_id}/resume"),
  /** End an auto-sync before its goal is met; its waiting job is skipped. */
  complete: call("post", "/v1/auto-syncs/{sync_id}/complete"),
  /** Do what is due now, without waiting for the scheduler. */
  run: call("post", "/v1/auto-syncs/{sync_id}/run"),
};

export const batches = {
  /** Show the progress of a bulk request. */
  get: call("get", "/v1/batches/{batch_id}"),
};

export const bulkActions = {
  /** Retry or cancel all jobs that match, or (dry_run) count them. */
  create: write("post", "/v1/bulk-actions"),
  /** List bulk actions, the newest first; each for 90 days after its end. */
  list: list("/v1/bulk-actions"),
  /** Show a bulk action and how far it has come. */
  get: call("get", "/v1/bulk-actions/{bulk_action_id}"),
  /** Stop a bulk action; what is done stays done. */
  stop: call("post", "/v1/bulk-actions/{bulk_action_id}/stop"),
};

export const connections = {
  /** List connections to databases. */
  list: list("/v1/connections"),
  /** Add a connection to a database, after it was tried. */
  create: write("post", "/v1/connections"),
  /** Show a connection to a database. */
  get: call("get", "/v1/connections/{connection_id}"),
  /** Change a connection to a database; it is tried anew unless only its name or owner changes. */
  change: write("patch", "/v1/connections/{connection_id}"),
  /** Delete a connection to a database, and what is known of it. */
  delete: call("delete", "/v1/connections/{connection_id}"),
  /** Read the schema of a connection's database, as a task; one at a time. */
  rebuild: write("post", "/v1/connections/{connection_id}/rebuild"),
  /** Show the schema of a connection's database, as it was read last. */
  schema: call("get", "/v1/connections/{connection_id}/schema"),
};

export const console = {
  /** Make a link to the operators' console, which works once within five minutes. */
  link: call("post", "/v1/console/links"),
};

export const deadLetters = {
  /** List dead letters. */
  list: list("/v1/dead-letters"),
  /** Open a dead letter. */
  get: call("get", "/v1/dead-letters/{letter_id}"),
  /** Replay a dead letter. */
  replay: call("post", "/v1/dead-letters/{letter_id}/replay"),
  /** Replay dead letters by a filter, at a rate. */
  replayMany: write("post", "/v1/dead-letters/replay"),
  /** Delete a dead letter. */
  delete: call("delete", "/v1/dead-letters/{letter_id}"),
  /** Delete dead letters by a filter, at most 10,000 at once. */
  deleteMany: ask("delete", "/v1/dead-letters"),
};

export const digestSchedules = {
  /** List digest schedules. */
  list: list("/v1/digest-schedules"),
  /** Make a digest schedule. */
  create: write("post", "/v1/digest-schedules"),
  /** Show a digest schedule. */
  get: call("get", "/v1/digest-schedules/{digest_schedule_id}"),
  /** Change, pause or resume a digest schedule. */
  change: write("patch", "/v1/digest-schedules/{digest_schedule_id}"),
  /** Delete a digest schedule. */
  delete: call("delete", "/v1/digest-schedules/{digest_schedule_id}"),
  /** List when a digest schedule is due next. */
  occurrences: ask("get", "/v1/digest-schedules/{digest_schedule_id}/occurrences"),
  /** Show the digest that would be sent now. */
  preview: call("get", "/v1/digest-schedules/{digest_schedule_id}/preview"),
  /** Send a digest now. */
  run: call("post", "/v1/digest-schedules/{digest_schedule_id}/run"),
};

export const groups = {
  /** List groups. */
  list: list("/v1/groups"),
  /** Add a group. */
  create: write("post", "/v1/groups"),
  /** Show a group. */
  get: call("get", "/v1/groups/{group_id}"),
  /** Change a group. */
  change: write("patch", "/v1/groups/{group_id}"),
  /** Delete a group with its members and updates. */
  delete: call("delete", "/v1/groups/{group_id}"),
  /** List a group's members. */
  members: list("/v1/groups/{group_id}/members"),
  /** Add recipients to a group. */
  addMembers: write("post", "/v1/groups/{group_id}/members"),
  /** Show a member of a group. */
  getMember: call("get", "/v1/groups/{group_id}/members/{member_id}"),
  /** Change a member of a group. */
  changeMember: write("patch", "/v1/groups/{group_id}/members/{member_id}"),
  /** Remove a recipient from a group. */
  removeMember: call("delete", "/v1/groups/{group_id}/members/{member_id}"),
  /** List the updates that a member has not read. */
  unread: list("/v1/groups/{group_id}/members/{member_id}/unread"),
  /** Mark updates as read by a member. */
  markRead: write("post", "/v1/groups/{group_id}/members/{member_id}/read"),
  /** List a group's updates. */
  updates: list("/v1/groups/{group_id}/updates"),
  /** Post an update to a group. */
  postUpdate: write("post", "/v1/groups/{group_id}/updates"),
  /** Show an update. */
  getUpdate: call("get", "/v1/groups/{group_id}/updates/{update_id}"),
  /** Change an update. */
  changeUpdate: write("patch", "/v1/groups/{group_id}/updates/{update_id}"),
  /** Delete an update. */
  deleteUpdate: call("delete", "/v1/groups/{group_id}/updates/{update_id}"),
};

export const health = {
  /** Show the health of the installation. */
  get: call("get", "/health"),
};

export const inbox = {
  /** List a user's notifications, the newest first. */
  list: list("/v1/inbox"),
  /** Show a notification. It stays unread. */
  get: ask("get", "/v1/inbox/{notification_id}"),
  /** Count a user's unread notifications. */
  unreadCount: ask("get", "/v1/inbox/unread-count"),
  /** Mark a notification as read. */
  markRead: call("patch", "/v1/inbox/{notification_id}/read"),
  /** Mark a notification as unread again. */
  markUnread: call("patch", "/v1/inbox/{notification_id}/unread"),
  /** Mark all notifications in the inbox as read. */
  markAllRead: write("patch", "/v1/inbox/read-all"),
  /** Put a notification into the archive. */
  archive: call("patch", "/v1/inbox/{notification_id}/archive"),
  /** Take a notification out of the archive. */
  unarchive: call("patch", "/v1/inbox/{notification_id}/unarchive"),
  /** Put a notification away until a time; it comes back as unread, in its place. */
  snooze: write("patch", "/v1/inbox/{notification_id}/snooze"),
  /** Delete a notification. Its job keeps what was said until its own retention. */
  delete: ask("delete", "/v1/inbox/{notification_id}"),
  /** List what a user may be told of, and on which channels they want it. */
  preferences: list("/v1/inbox/preferences"),
  /** Show on which channels a type of notifications may come. */
  preference: ask("get", "/v1/inbox/preferences/{preference_id}"),
  /** Say on which channels a type of notifications may come. */
  setPreference: write("patch", "/v1/inbox/preferences/{preference_id}"),
  /** Say on which channels notifications may come, of all types or of one by its name. */
  setChannels: write("patch", "/v1/inbox/preferences"),
};

export const jobs = {
  /** List jobs. */
  list: list("/v1/jobs"),
  /** Request a background task. */
  create: write("post", "/v1/jobs"),
  /** Show a job with its recipient, deliveries and attempts. */
  get: call("get", "/v1/jobs/{job_id}"),
  /** List all events of a job. */
  timeline: call("get", "/v1/jobs/{job_id}/timeline"),
  /** List what a task has logged, oldest first. */
  logs: list("/v1/jobs/{job_id}/logs"),
  /** Show job metrics: counts, success rate, durations, what waits. */
  metrics: ask("get", "/v1/jobs/metrics"),
  /** Cancel a job: no further delivery of it is started. */
  cancel: call("delete", "/v1/jobs/{job_id}"),
  /** Cancel all jobs with a cancel_key that were not sent yet. */
  cancelByKey: write("post", "/v1/jobs/cancel"),
  /** Retry a job that failed, was held or was cancelled. */
  retry: call("post", "/v1/jobs/{job_id}/retry"),
  /** Retry all jobs that match, or (dry_run, 200) count them. */
  retryMany: write("post", "/v1/jobs/retry"),
};

export const notifications = {
  /** Request a notification to one, or to everybody in a group. */
  send: write("post", "/v1/notifications"),
  /** Request up to 10,000 notifications; a bad one never refuses the others. */
  sendBulk: write("post", "/v1/notifications/bulk"),
  /** Tell what would become of a notification now, or of up to 1,000; nothing is stored or sent. */
  simulate: write("post", "/v1/notifications/simulate"),
};

export const projects = {
  /** List all projects with what they may use and do use; for operators. */
  list: list("/v1/projects"),
  /** Show the project of the key. */
  me: call("get", "/v1/projects/me"),
  /** Change the project of the key. */
  change: write("patch", "/v1/projects/me"),
  /** Set what a project may use; for operators. */
  setQuotas: write("patch", "/v1/projects/{project_id}/quotas"),
};

export const providers = {
  /** List providers. */
  get: call("get", "/v1/providers"),
  /** Send a test message through this provider and no other. */
  test: write("post", "/v1/providers/{provider}/test"),
};

export const queues = {
  /** Show every queue. */
  get: call("get", "/v1/queues"),
  /** Pause a channel for every project: nothing is sent, nothing is lost. */
  pause: write("post", "/v1/queues/{channel}/pause"),
  /** Resume a channel. */
  resume: write("post", "/v1/queues/{channel}/resume"),
};

export const recipients = {
  /** List recipients. */
  list: list("/v1/recipients"),
  /** Add a recipient. */
  create: write("post", "/v1/recipients"),
  /** Make or change recipients by their external ids: one, or up to 10,000. */
  upsert: write("put", "/v1/recipients"),
  /** Have the recipients of a CSV file made or changed by their external ids, as a task. */
  importCsv: write("post", "/v1/recipients/import"),
  /** Show a recipient. */
  get: call("get", "/v1/recipients/{recipient_id}"),
  /** Change a recipient. */
  change: write("patch", "/v1/recipients/{recipient_id}"),
  /** Erase a recipient's personal data. */
  delete: call("delete", "/v1/recipients/{recipient_id}"),
  /** Set a recipient's preferences. */
  setPreferences: write("put", "/v1/recipients/{recipient_id}/preferences"),
  /** Confirm a new phone number by the code that was sent to it. */
  confirmPhone: write("post", "/v1/recipients/{recipient_id}/addresses/confirm"),
  /** Withdraw the addresses that nobody confirmed yet. */
  withdrawAddresses: call("delete", "/v1/recipients/{recipient_id}/addresses/pending"),
  revokeLinks: call("delete", "/v1/recipients/{recipient_id}/links"),
  /** Export all data of a recipient as one document. */
  export: call("get", "/v1/recipients/{recipient_id}/export"),
  /** Show what the receiver at a recipient's own URL checks signatures with. */
  webhookSecret: call("get", "/v1/recipients/{recipient_id}/webhook-secret"),
};

export const schedules = {
  /** List schedules. */
  list: list("/v1/schedules"),
  /** Add a schedule. */
  create: write("post", "/v1/schedules"),
  /** Show a schedule. */
  get: call("get", "/v1/schedules/{schedule_id}"),
  /** Change, pause or resume a schedule. */
  change: write("patch", "/v1/schedules/{schedule_id}"),
  /** Delete a schedule. The jobs it made stay; what became of its occurrences is not shown any more. */
  delete: call("delete", "/v1/schedules/{schedule_id}"),
  /** List the next occurrences of a schedule. */
  occurrences: ask("get", "/v1/schedules/{schedule_id}/occurrences"),
  /** Fire a schedule now, once, paused or not. */
  run: call("post", "/v1/schedules/{schedule_id}/run"),
  /** List what became of the occurrences of a schedule, the newest first. */
  runs: list("/v1/schedules/{schedule_id}/runs"),
};

export const senders = {
  /** List senders. */
  list: list("/v1/senders"),
  /** Add a sender, to be verified. */
  add: write("post", "/v1/senders"),
  /** Show a sender. */
  get: call("get", "/v1/senders/{sender_id}"),
  /** Verify a sender. */
  verify: write("post", "/v1/senders/{sender_id}/verify"),
  /** Delete a sender: nothing is sent from it any more. */
  remove: call("delete", "/v1/senders/{sender_id}"),
};

export const signingKeys = {
  /** List the keys that end users' tokens are signed with. */
  list: list("/v1/projects/me/signing-keys"),
  /** Make a signing key; its secret is shown this once. */
  create: write("post", "/v1/projects/me/signing-keys"),
  /** Show a signing key. */
  get: call("get", "/v1/projects/me/signing-keys/{signing_key_id}"),
  /** Replace a signing key by a new one; tokens of both are taken for a while. */
  rotate: write("post", "/v1/projects/me/signing-keys/{signing_key_id}/rotate"),
  /** Revoke a signing key: its tokens are refused, within 5 s everywhere. */
  revoke: call("delete", "/v1/projects/me/signing-keys/{signing_key_id}"),
};

export const suppressions = {
  /** List suppressed addresses. */
  list: list("/v1/suppressions"),
  /** Suppress an address. */
  add: write("post", "/v1/suppressions"),
  /** Show a suppressed address. */
  get: call("get", "/v1/suppressions/{suppression_id}"),
  /** Take a suppression away. */
  remove: call("delete", "/v1/suppressions/{suppression_id}"),
  /** Allow an address again. */
  removeAddress: ask("delete", "/v1/suppressions"),
  /** Suppress the addresses of a CSV file. */
  importCsv: write("post", "/v1/suppressions/import"),
  /** Export suppressed addresses as CSV. */
  exportCsv: ask("get", "/v1/suppressions/export"),
};

export const templates = {
  /** List templates. */
  list: list("/v1/templates"),
  /** Add a template. */
  create: write("post", "/v1/templates"),
  /** Show a template. */
  get: call("get", "/v1/templates/{template_id}"),
  /** Change a template; new contents become a new version. */
  change: write("patch", "/v1/templates/{template_id}"),
  /** Delete a template. */
  delete: call("delete", "/v1/templates/{template_id}"),
  /** List a template's versions. */
  versions: list("/v1/templates/{template_id}/versions"),
  /** Show a version with its compiled HTML. */
  version: call("get", "/v1/templates/{template_id}/versions/{version}"),
  /** Make another version the current one. */
  rollback: write("post", "/v1/templates/{template_id}/rollback"),
  /** Preview a template, or unsaved changes of it. */
  preview: write("post", "/v1/templates/{template_id}/preview"),
  /** Preview contents that are not saved. */
  previewContents: write("post", "/v1/template-previews"),
};

export const userTokens = {
  /** Show what end users' tokens must be. */
  rules: call("get", "/v1/projects/me/token-rules"),
  /** Change what end users' tokens must be. */
  changeRules: write("patch", "/v1/projects/me/token-rules"),
  /** Revoke the tokens that an end user has got so far, within 5 s everywhere. */
  revoke: write("post", "/v1/projects/me/revoked-users"),
};

export const webhooks = {
  /** List webhook endpoints. */
  list: list("/v1/webhooks"),
  /** Add a webhook endpoint; its secret is shown this once. */
  create: write("post", "/v1/webhooks"),
  /** Show a webhook endpoint. */
  get: call("get", "/v1/webhooks/{endpoint_id}"),
  /** Change, disable or enable a webhook endpoint. */
  change: write("patch", "/v1/webhooks/{endpoint_id}"),
  /** Delete a webhook endpoint, and what was sent to it. */
  delete: call("delete", "/v1/webhooks/{endpoint_id}"),
  /** Give a webhook endpoint a new secret. */
  rotateSecret: call("post", "/v1/webhooks/{endpoint_id}/rotate-secret"),
  /** Send the event `webhook.test` to a webhook endpoint. */
  test: call("post", "/v1/webhooks/{endpoint_id}/test"),
  /** Send again what failed or was discarded since a time, up to 10,000 messages, the oldest first. */
  recover: write("post", "/v1/webhooks/{endpoint_id}/recover"),
  /** List what was sent to a webhook endpoint, with every attempt. */
  deliveries: list("/v1/webhooks/{endpoint_id}/deliveries"),
  /** Show what was sent to a webhook endpoint for one event. */
  delivery: call("get", "/v1/webhooks/{endpoint_id}/deliveries/{message_id}"),
  /** Send a message again: the same body with the same `webhook-id`, now, and with all retries if that fails. */
  redeliver: call("post", "/v1/webhooks/{endpoint_id}/deliveries/{message_id}/redeliver"),
};
