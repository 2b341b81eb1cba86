/** Many notifications in requests of up to 10,000 or 10 MiB, read lazily. */

import { BulkInterrupted, NotSendable } from "./errors.js";
import { encoded, keyOf } from "./wire.js";

/** @import { Notification, Options, Sent } from "./shapes.js" */
/** @import { Wire } from "./wire.js" */

const MOST_ITEMS = 10_000;
const MOST_BYTES = 10 * 1024 * 1024;

/**
 * What one request holds. `places`: of its items, from 0 in what was given; `rejected`: those read meanwhile that no
 * request can carry.
 *
 * @typedef {{ places: number[], lines: string[], bytes: number, rejected: Sent["rejected"] }} Chunk
 */

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
  try {
    for await (const chunk of chunks(items)) {
      if (chunk.lines.length === 0) {
        add(sent, {}, chunk, jobIds);
        continue;
      }
      const answer = await wire.ask({
        method: "POST",
        path: "/v1/notifications/bulk",
        query: jobIds ? { include: "job_ids" } : {},
        body: chunk.lines.join(""),
        mediaType: "application/x-ndjson",
        idempotencyKey: `${key}.${number++}`,
        ...options,
      });
      add(sent, answer, chunk, jobIds);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    if (number === 0) throw error; // what was given cannot be read, and nothing was sent of it
    throw new BulkInterrupted(sent, key, error);
  }
  return sent;
}

/**
 * @param {Sent} sent
 * @param {any} answer its places are those in the request
 * @param {Chunk} chunk
 * @param {boolean} jobIds
 */
function add(sent, answer, { places, rejected }, jobIds) {
  const { accepted = 0, batch_id, job_ids = [] } = answer;
  /** @param {any} each */
  const placed = (each) => ({ ...each, index: places[each.index] });
  const refused = [...rejected, ...(answer.rejected ?? []).map(placed)].sort((one, other) => one.index - other.index);
  sent.accepted += accepted;
  if (batch_id !== undefined) sent.batches.push(batch_id);
  for (const each of refused) sent.rejected.push(each);
  for (const each of answer.replayed ?? []) sent.replayed.push(placed(each));
  if (!jobIds) return;
  for (const { index } of rejected) sent.jobIds[index] = null;
  for (const [at, place] of places.entries()) sent.jobIds[place] = job_ids[at] ?? null;
}

/**
 * @param {Iterable<Notification> | AsyncIterable<Notification>} items
 * @returns {AsyncGenerator<Chunk, void, void>} the last one may have no lines
 */
async function* chunks(items) {
  /** @returns {Chunk} */
  const empty = () => ({ places: [], lines: [], bytes: 0, rejected: [] });
  let chunk = empty();
  let index = -1;
  for await (const item of items) {
    index += 1;
    const { line, bytes, flaw } = lineOf(item);
    if (flaw !== undefined) {
      chunk.rejected.push({ index, errors: [{ loc: [], msg: flaw }] });
      continue;
    }
    if (chunk.lines.length === MOST_ITEMS || chunk.bytes + bytes > MOST_BYTES) {
      yield chunk;
      chunk = empty();
    }
    chunk.places.push(index);
    chunk.lines.push(line);
    chunk.bytes += bytes;
  }
  if (chunk.lines.length > 0 || chunk.rejected.length > 0) yield chunk;
}

/**
 * @param {Notification} item
 * @returns {{ line: string, bytes: number, flaw?: string }} `flaw`: why no request can carry it
 */
function lineOf(item) {
  try {
    const line = `${encoded(asSent(item))}\n`;
    const bytes = new TextEncoder().encode(line).length;
    if (bytes <= MOST_BYTES) return { line, bytes };
    return { line: "", bytes: 0, flaw: "is larger than a request may be (10 MiB)" };
  } catch (error) {
    // others than ours come from what the item itself does when it is read
    return { line: "", bytes: 0, flaw: error instanceof NotSendable ? error.message : "cannot be read" };
  }
}

/**
 * @param {Notification} notification
 * @returns {any} as the API wants it: the recipient by its kind
 */
export function asSent(notification) {
  if (notification === null || typeof notification !== "object") throw new NotSendable("is no notification");
  const { to } = notification;
  if (typeof to !== "string") return notification;
  if (to.includes("@")) return { ...notification, to: { email: to } };
  if (to.startsWith("+")) return { ...notification, to: { phone: to } };
  throw new NotSendable(
    'to: a text is an address, with an "@", or a phone number, with a leading "+"; ' +
      "else say which it is: { external_id: … }, { recipient_id: … }, { user_id: … }",
  );
}
