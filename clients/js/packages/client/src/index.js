export { Webhook, WebhookUnverified } from "./webhooks.js";
