export { InboxClient, InboxError } from "./client.js";
export { InboxEvent } from "./events.js";
export { Feed } from "./feed.js";
