export { Hermodr } from "./client.js";
export { Pages } from "./pages.js";
export type Batch = import("./shapes.js").Batch;
export type Configuration = import("./shapes.js").Configuration;
export type InboxEvent = import("./shapes.js").InboxEvent;
export type JobDetail = import("./shapes.js").JobDetail;
export type Notification = import("./shapes.js").Notification;
/**
 * Everything the API reads and writes, by name.
 */
export type Schemas = import("./shapes.js").Schemas;
export type Sent = import("./shapes.js").Sent;
export { BadRequest, BulkInterrupted, Conflict, Forbidden, HermodrError, IdempotencyKeyReused, Invalid, MalformedAnswer, NoAnswer, NotConfigured, NotFound, NotSendable, Problem, QuotaExceeded, RateLimited, ServerError, SingletonTaken, StillRunning, TooLarge, Unauthenticated, Unavailable, Unfinished } from "./errors.js";
export { Webhook, WebhookUnverified } from "./webhooks.js";
