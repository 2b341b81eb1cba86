export { InboxEvent } from "./events.js";
export { Feed } from "./feed.js";
export { InboxClient, InboxError } from "./client.js";
