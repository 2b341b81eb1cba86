export { Hermodr } from "./client.js";
export {
  BadRequest,
  BulkInterrupted,
  Conflict,
  Forbidden,
  HermodrError,
  IdempotencyKeyReused,
  Invalid,
  MalformedAnswer,
  NoAnswer,
  NotConfigured,
  NotFound,
  NotSendable,
  Problem,
  QuotaExceeded,
  RateLimited,
  ServerError,
  SingletonTaken,
  StillRunning,
  TooLarge,
  Unauthenticated,
  Unavailable,
  Unfinished,
} from "./errors.js";
export { Pages } from "./pages.js";
export { Webhook, WebhookUnverified } from "./webhooks.js";
/** @typedef {import("./shapes.js").Batch} Batch */
/** @typedef {import("./shapes.js").Configuration} Configuration */
/** @typedef {import("./shapes.js").InboxEvent} InboxEvent */
/** @typedef {import("./shapes.js").JobDetail} JobDetail */
/** @typedef {import("./shapes.js").Notification} Notification */
/** @typedef {import("./shapes.js").Schemas} Schemas Everything the API reads and writes, by name. */
/** @typedef {import("./shapes.js").Sent} Sent */
