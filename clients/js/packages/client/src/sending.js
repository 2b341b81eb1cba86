/** Many notifications in requests of up to 10,000 or 10 MiB, read lazily. */

import { BulkInterrupted, NotSendable } from "./errors.js";
import { encoded, keyOf } from "./wire.js";

/** @import { Notification, Options, Sent } from "./shapes.js" */
/** @import { Wire } from "./wire.js" */

const MOST_ITEMS = 10_000;
const MOST_BYTES = 10 * 1024 * 1024;

/**
 * @param {Wire} wire
 * @param {Iterable<Notification> | AsyncIterable<Notification>} items
 * @param {Options & { idempotencyKey?: string | undefined, jobIds?: boolean | undefined }} options
 * @returns {Promise<Sent>}
 */
export async function sentMany(wire, items, { idempotencyKey, jobIds = false, ...options }) {
  const key = keyOf(idempotencyKey);
  /** @type {Sent} */
  const sent = { accepted: 0, batches: [], rejected: [], replayed: [], jobIds: [] };
  let number = 0;
  for await (const { first, body } of chunks(items)) {
    let answer;
    try {
      answer = await wire.ask({
        method: "POST",
        path: "/v1/notifications/bulk",
        query: jobIds ? { include: "job_ids" } : {},
        body,
        mediaType: "application/x-ndjson",
        idempotencyKey: `${key}.${number++}`,
        ...options,
      });
    } catch (error) {
      options.signal?.throwIfAborted();
      throw new BulkInterrupted(sent, key, error);
    }
    add(sent, answer, first);
  }
  return sent;
}

/**
 * @param {Sent} sent
 * @param {any} answer
 * @param {number} first
 */
function add(sent, answer, first) {
  /** @param {any} each */
  const placed = (each) => ({ ...each, index: first + each.index });
  sent.accepted += answer.accepted;
  sent.batches.push(answer.batch_id);
  sent.rejected.push(...answer.rejected.map(placed));
  sent.replayed.push(...(answer.replayed ?? []).map(placed));
  for (const id of answer.job_ids ?? []) sent.jobIds.push(id);
}

/**
 * @param {Iterable<Notification> | AsyncIterable<Notification>} items
 * @returns {AsyncGenerator<{ first: number, body: string }>} `first` is the place of its first item
 */
async function* chunks(items) {
  /** @type {string[]} */
  let lines = [];
  let size = 0;
  let index = 0;
  for await (const item of items) {
    const line = `${encoded(asSent(item))}\n`;
    const bytes = new TextEncoder().encode(line).length;
    if (bytes > MOST_BYTES) throw new NotSendable(`item ${index}: is larger than a request may be (10 MiB)`);
    if (lines.length === MOST_ITEMS || size + bytes > MOST_BYTES) {
      yield { first: index - lines.length, body: lines.join("") };
      lines = [];
      size = 0;
    }
    lines.push(line);
    size += bytes;
    index += 1;
  }
  if (lines.length) yield { first: index - lines.length, body: lines.join("") };
}

/**
 * @param {Notification} notification
 * @returns {any} as the API wants it: the recipient by its kind
 */
export function asSent(notification) {
  const { to } = notification;
  if (typeof to !== "string") return notification;
  if (to.includes("@")) return { ...notification, to: { email: to } };
  if (to.startsWith("+")) return { ...notification, to: { phone: to } };
  throw new NotSendable(
    'to: a text is an address, with an "@", or a phone number, with a leading "+"; ' +
      "else say which it is: { external_id: … }, { recipient_id: … }, { user_id: … }",
  );
}
