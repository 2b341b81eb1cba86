/** One request until it is answered: what is tried again, and when. */

import {
  HermodrError,
  MalformedAnswer,
  NoAnswer,
  NotConfigured,
  NotSendable,
  Problem,
  StillRunning,
  problemOf,
} from "./errors.js";
import { pause } from "./pausing.js";
import { crypto } from "./web.js";

/** @import { Configuration, Retries } from "./shapes.js" */

/**
 * @typedef {object} Request
 * @property {string} method
 * @property {string} path begins with a slash, and is encoded
 * @property {Record<string, unknown>} [query]
 * @property {string} [body]
 * @property {string} [mediaType]
 * @property {string} [idempotencyKey]
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {number} [timeoutMs]
 */

/** @type {Retries} */
const RETRIES = { attempts: 6, totalMs: 60_000, firstPauseMs: 250, longestPauseMs: 8_000 };
const TIMEOUT_MS = 30_000;
const BUSY = [502, 503, 504];
/** PATCH is not one of them: each PATCH of a template makes a version. */
const IDEMPOTENT = ["GET", "PUT", "DELETE"];
/** Of Node's fetch: the request cannot have arrived. */
const NOT_REACHED = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"];

/** An API's address, the right to use it, and how persistently that is done. */
export class Wire {
  /** @type {string | (() => string | Promise<string>) | undefined} */
  #apiKey;

  /** @param {Configuration} [configuration] Throws `NotConfigured`, which never quotes a key. */
  constructor({ baseUrl, apiKey, retries, timeoutMs = TIMEOUT_MS, fetch = globalThis.fetch } = {}) {
    const environment = globalThis.process?.env ?? {};
    this.baseUrl = addressOf(baseUrl ?? environment.HERMODR_API_URL ?? "");
    this.#apiKey = apiKey ?? environment.HERMODR_API_KEY;
    if (typeof this.#apiKey !== "function") checkKey(this.#apiKey);
    if (!(timeoutMs > 0 && timeoutMs < 2 ** 31)) throw new NotConfigured("timeoutMs: has to be more than 0");
    this.timeoutMs = timeoutMs;
    this.retries = { ...RETRIES, ...retries };
    // called as a function of the window, as browsers demand
    this.fetch = /** @type {typeof globalThis.fetch} */ ((...given) => fetch(...given));
  }

  /**
   * What the answer says: parsed JSON, a text, or undefined. Throws a `Problem`, `NoAnswer`, `MalformedAnswer`.
   *
   * @param {Request} request
   * @returns {Promise<any>}
   */
  async ask(request) {
    const { response, text } = await this.exchange(request);
    const type = mediaType(response);
    if (response.status === 204) return undefined;
    if (type === "text/csv") return text;
    if (!type.endsWith("json")) throw new MalformedAnswer(`is not JSON but ${type || "of no type"}`, response.status);
    try {
      return JSON.parse(text);
    } catch {
      throw new MalformedAnswer("is no JSON", response.status);
    }
  }

  /**
   * @param {Request} request
   * @returns {Promise<{ response: Response, text: string }>}
   */
  async exchange(request) {
    const { attempts, totalMs } = this.retries;
    const deadline = Date.now() + totalMs;
    const longest = request.timeoutMs ?? this.timeoutMs;
    let uncertain = false;
    for (let attempt = 1; ; attempt++) {
      const left = deadline - Date.now();
      // the first attempt has its full time; later ones what is left
      const outcome = await this.attempt(request, attempt === 1 ? longest : Math.max(100, Math.min(longest, left)));
      if (!(outcome instanceof HermodrError)) return outcome;
      uncertain ||= outcome instanceof NoAnswer && outcome.reached;
      const wait = this.pauseMs(attempt, outcome);
      if (!mayRepeat(request, outcome) || attempt >= attempts || Date.now() + wait >= deadline) {
        throw marked(outcome, uncertain, attempt);
      }
      await pause(wait, request.signal);
    }
  }

  /**
   * One attempt. Throws the reason of the caller's signal, and `NotConfigured`.
   *
   * @param {Request} request
   * @param {number} timeoutMs
   * @returns {Promise<{ response: Response, text: string } | NoAnswer | Problem>}
   */
  async attempt(request, timeoutMs) {
    const ending = new Ending(request.signal, timeoutMs);
    try {
      const response = await this.open(request, ending.signal);
      const text = await response.text();
      return response.ok ? { response, text } : refusal(response, text);
    } catch (error) {
      if (error instanceof HermodrError) throw error;
      request.signal?.throwIfAborted();
      return lost(error, ending.overdue);
    } finally {
      ending.forget();
    }
  }

  /** The key of this attempt. Throws `NotConfigured`: a function that gives none is not asked again. */
  async #key() {
    if (typeof this.#apiKey !== "function") return this.#apiKey;
    let key;
    try {
      key = await this.#apiKey();
    } catch (error) {
      throw new NotConfigured("apiKey: the function failed", { cause: error });
    }
    return checkKey(key);
  }

  /**
   * @param {Request} request
   * @param {AbortSignal} signal
   */
  async open({ method, path, query = {}, body, mediaType = "application/json", idempotencyKey, headers = {} }, signal) {
    const url = new URL(this.baseUrl + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) url.searchParams.append(name, said(value));
    }
    const key = await this.#key();
    return this.fetch(url, {
      method,
      signal,
      redirect: "manual", // the key is for this address alone
      ...(body !== undefined && { body }),
      headers: {
        accept: "application/json",
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { "content-type": mediaType }),
        ...(idempotencyKey !== undefined && { "idempotency-key": idempotencyKey }),
        ...headers,
      },
    });
  }

  /**
   * @param {number} attempt from 1
   * @param {HermodrError} error
   */
  pauseMs(attempt, error) {
    const { firstPauseMs, longestPauseMs } = this.retries;
    const backoff = Math.min(longestPauseMs, firstPauseMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
    return Math.max(backoff, (error instanceof Problem && error.retryAfter ? error.retryAfter : 0) * 1000);
  }
}

/** A signal that comes with the caller's, or when the time is over. */
class Ending {
  #controller = new AbortController();
  #forward = () => this.#controller.abort(this.#theirs?.reason);
  #theirs;
  #timer;
  overdue = false;

  /**
   * @param {AbortSignal | undefined} theirs
   * @param {number} timeoutMs
   */
  constructor(theirs, timeoutMs) {
    theirs?.throwIfAborted();
    this.#theirs = theirs;
    theirs?.addEventListener("abort", this.#forward);
    this.#timer = setTimeout(() => {
      this.overdue = true;
      this.#controller.abort();
    }, timeoutMs);
  }

  get signal() {
    return this.#controller.signal;
  }

  forget() {
    clearTimeout(this.#timer);
    this.#theirs?.removeEventListener("abort", this.#forward);
  }
}

/**
 * @param {Pick<Request, "method" | "idempotencyKey">} request
 * @param {HermodrError} error
 */
export function mayRepeat({ method, idempotencyKey }, error) {
  const repeatable = IDEMPOTENT.includes(method) || idempotencyKey !== undefined;
  if (error instanceof NoAnswer) return repeatable || !error.reached;
  if (!(error instanceof Problem)) return false;
  if (error.status === 429) return true;
  const running = error instanceof StillRunning || (error.status === 409 && error.retryAfter !== undefined);
  return repeatable && (BUSY.includes(error.status) || running);
}

/**
 * @param {unknown} value
 * @returns {string} JSON that says the value unaltered. Throws `NotSendable` where it cannot.
 */
export function encoded(value) {
  let text;
  try {
    text = JSON.stringify(value, (name, inner) => {
      if (typeof inner === "number" && !Number.isFinite(inner)) throw new NotSendable(`${name}: is no number that JSON has`);
      return inner;
    });
  } catch (error) {
    if (error instanceof HermodrError) throw error;
    throw new NotSendable(`cannot be said in JSON: ${error instanceof Error ? error.message.split("\n")[0] : "?"}`);
  }
  if (text === undefined) throw new NotSendable("cannot be said in JSON");
  return text;
}

/**
 * @param {string} [given] Throws `NotSendable` for one that the API does not take.
 * @returns {string} it, or a fresh one
 */
export function keyOf(given) {
  if (given === undefined) return crypto.randomUUID();
  if (typeof given === "string" && /^[\x21-\x7e]{1,255}$/.test(given)) return given;
  throw new NotSendable("idempotencyKey: has to be of 1 to 255 visible ASCII characters; undefined makes a fresh one");
}

/**
 * @param {Response} response
 * @param {string} text
 */
export function refusal(response, text) {
  const type = mediaType(response);
  /** @type {Record<string, unknown>} */
  let document = { title: `answered with ${type || "no Content-Type"}, which no part of Hermodr does` };
  if (type.endsWith("json")) {
    try {
      const parsed = JSON.parse(text);
      if (parsed !== null && typeof parsed === "object" && !Array.isArray(parsed)) document = parsed;
    } catch {
      document = { title: "answered with JSON that cannot be read" };
    }
  }
  return problemOf(response.status, document, retryAfter(response));
}

/**
 * @param {unknown} error
 * @param {boolean} overdue
 */
export function lost(error, overdue) {
  if (overdue) return new NoAnswer("it did not come in time", { reached: true, attempts: 1, cause: error });
  const cause = /** @type {any} */ (error)?.cause;
  const code = cause?.code ?? cause?.errors?.[0]?.code;
  const said = code ?? (error instanceof Error ? error.message : "the connection failed");
  return new NoAnswer(said, { reached: !NOT_REACHED.includes(code), attempts: 1, cause: error });
}

/**
 * @template {HermodrError} E
 * @param {E} error
 * @param {boolean} uncertain
 * @param {number} attempts
 */
function marked(error, uncertain, attempts) {
  if (error instanceof Problem) error.uncertain = uncertain;
  if (error instanceof NoAnswer && attempts > 1) {
    return new NoAnswer(error.message.replace(/^no answer: /, ""), { reached: uncertain, attempts, cause: error.cause });
  }
  return error;
}

/** @param {Response} response */
function mediaType(response) {
  return (response.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase().slice(0, 60) ?? "";
}

/**
 * @param {Response} response
 * @returns {number | undefined} seconds; a date is read by the server's own clock
 */
function retryAfter(response) {
  const value = response.headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const seconds = (Date.parse(value) - Date.parse(response.headers.get("date") ?? "")) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

/** @param {unknown} value */
function said(value) {
  return value instanceof Date ? value.toISOString() : Array.isArray(value) ? value.join(",") : String(value);
}

/** @param {string} given */
function addressOf(given) {
  const text = given.trim().replace(/\/+$/, "").replace(/\/v1$/, "").replace(/\/+$/, "");
  if (!text) throw new NotConfigured("no address: give baseUrl, or set HERMODR_API_URL, e.g. to http://127.0.0.1:8000");
  let url;
  try {
    url = new URL(text);
  } catch {
    throw new NotConfigured("the address of the API is no URL");
  }
  if (!["http:", "https:"].includes(url.protocol)) {
    throw new NotConfigured("the address of the API must begin with http:// or https://");
  }
  if (url.search || url.hash || url.username || url.password) {
    throw new NotConfigured("the address of the API must have no user, query or fragment; the key goes elsewhere");
  }
  return text;
}

/**
 * @param {unknown} given
 * @returns {string}
 */
function checkKey(given) {
  if (typeof given !== "string" || given === "") {
    throw new NotConfigured("no API key: give apiKey, or set HERMODR_API_KEY (made by `hermodr keys create`)");
  }
  if (/[^\x21-\x7e]/.test(given)) {
    throw new NotConfigured("the API key holds a character that no key has: was it copied whole?");
  }
  return given;
}
