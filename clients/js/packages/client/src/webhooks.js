/** Webhooks that Hermodr signs after Standard Webhooks: checked over the raw body, before it is read as JSON. */

import { crypto } from "./web.js";

/** Seconds that a message's time may be away from ours. */
export const TOLERANCE = 300;

const PREFIX = "whsec_";
const VERSION = "v1,";

/** The message is not one that Hermodr signed for this endpoint, or not a recent one. Answer it with 401. */
export class WebhookUnverified extends Error {
  name = "WebhookUnverified";
}

/**
 * @typedef {object} Event What `verify` answers: ids, states and times, no content.
 * @property {string} type such as `job.completed` or `delivery.bounced`
 * @property {string} timestamp RFC 3339
 * @property {Record<string, unknown>} data `job_id`, `delivery_id`, `channel`, `state`, `previous_state` …
 */

/**
 * @typedef {Headers | Record<string, string | string[] | undefined>} ReceivedHeaders of `fetch`'s Request, or Node's
 * `request.headers`
 */

/** One endpoint's secret. While it is being replaced, messages bear signatures by the old and the new one. */
export class Webhook {
  /** @type {Uint8Array<ArrayBuffer>} */
  #secret;
  /** @type {Promise<CryptoKey> | undefined} */
  #key;

  /** @param {string} secret `whsec_…`, as shown when the endpoint was made. Throws a TypeError for anything else. */
  constructor(secret) {
    const bytes = decoded(typeof secret === "string" && secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : "");
    if (!bytes?.length) throw new TypeError("secret: has to be whsec_ and base64, as shown when the endpoint was made");
    this.#secret = bytes;
  }

  /**
   * The event, if it was signed with this secret within `TOLERANCE` of `now`.
   *
   * @param {string | Uint8Array | ArrayBuffer} body as received: not parsed and written again
   * @param {ReceivedHeaders} headers
   * @param {{ now?: Date }} [options]
   * @returns {Promise<Event>} throws `WebhookUnverified`; a TypeError if the body is none, as when a framework has
   * parsed it already
   */
  async verify(body, headers, { now = new Date() } = {}) {
    const id = header(headers, "webhook-id");
    const timestamp = header(headers, "webhook-timestamp");
    if (!/^\d{1,12}$/.test(timestamp)) throw new WebhookUnverified("webhook-timestamp: is no time in seconds");
    const away = Math.abs(now.getTime() / 1000 - Number(timestamp));
    if (!(away <= TOLERANCE)) throw new WebhookUnverified("webhook-timestamp: too long ago, or in the future");
    const bytes = raw(body);
    const signed = joined(new TextEncoder().encode(`${id}.${timestamp}.`), bytes);
    const key = await this.#imported();
    for (const signature of header(headers, "webhook-signature").split(" ")) {
      const claimed = signature.startsWith(VERSION) ? decoded(signature.slice(VERSION.length)) : undefined;
      // Web Crypto compares in constant time
      if (claimed && (await crypto.subtle.verify("HMAC", key, claimed, signed))) return event(bytes);
    }
    throw new WebhookUnverified("webhook-signature: none is by this endpoint's secret");
  }

  #imported() {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    this.#key ??= crypto.subtle.importKey("raw", this.#secret, algorithm, false, ["verify"]);
    return this.#key;
  }
}

/**
 * @param {string | Uint8Array | ArrayBuffer} body
 * @returns {Uint8Array}
 */
function raw(body) {
  if (typeof body === "string") return new TextEncoder().encode(body);
  if (body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  throw new TypeError("body: has to be the text or bytes as received (in Express: express.raw), not what was parsed");
}

/**
 * @param {Uint8Array} bytes
 * @returns {Event}
 */
function event(bytes) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new WebhookUnverified("the body is signed, but no JSON");
  }
}

/**
 * @param {ReceivedHeaders} headers
 * @param {string} name
 * @returns {string} one value; names are found in any case
 */
function header(headers, name) {
  const own = typeof headers.get === "function" ? headers.get(name) : found(/** @type {any} */ (headers), name);
  if (typeof own !== "string" || own === "") throw new WebhookUnverified(`${name}: is missing`);
  return own;
}

/**
 * @param {Record<string, string | string[] | undefined>} headers
 * @param {string} name
 */
function found(headers, name) {
  const key = Object.keys(headers).find((each) => each.toLowerCase() === name);
  const value = key === undefined ? undefined : headers[key];
  return Array.isArray(value) && value.length === 1 ? value[0] : value;
}

/**
 * @param {string} base64
 * @returns {Uint8Array<ArrayBuffer> | undefined} undefined for what is no base64
 */
function decoded(base64) {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/**
 * @param {Uint8Array} first
 * @param {Uint8Array} second
 */
function joined(first, second) {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
