/** Server-Sent Events read by `fetch`, so that the token stays in a header. */

import { HermodrError, NoAnswer } from "./errors.js";
import { pause } from "./pausing.js";
import { lost, mayRepeat, refusal } from "./wire.js";

/** @import { InboxEvent, Options } from "./shapes.js" */
/** @import { Wire } from "./wire.js" */

/** A stream without a sign of life for so long is broken; the API gives one every 15 s. */
const SILENCE_MS = 45_000;
/** Ids of events: what came last before a stream broke may come once more. */
const REMEMBERED = 1_000;
const MOST_LINE = 1024 * 1024;

/** What a stream says, in any pieces. */
export class Decoder {
  /** Milliseconds to wait before coming back, as the server wishes. */
  retryMs = 0;
  #bytes = new TextDecoder();
  #rest = "";
  #name = "";
  #id = /** @type {string | null} */ (null);
  #data = /** @type {string[]} */ ([]);

  /**
   * @param {Uint8Array} chunk
   * @returns {Generator<{ event: string, data: string, id: string | null }>}
   */
  *take(chunk) {
    const lines = (this.#rest + this.#bytes.decode(chunk, { stream: true })).split(/\r\n|\n/);
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > MOST_LINE) throw new Error("a line of the stream does not end");
    for (const line of lines) {
      if (line) {
        this.#field(line);
        continue;
      }
      if (this.#data.length) yield { event: this.#name || "message", data: this.#data.join("\n"), id: this.#id };
      this.#name = "";
      this.#id = null;
      this.#data = [];
    }
  }

  /** @param {string} line */
  #field(line) {
    const at = line.indexOf(":");
    const name = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
    if (name === "event") this.#name = value;
    else if (name === "data") this.#data.push(value);
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^\d{1,9}$/.test(value)) this.retryMs = Number(value);
  }
}

/**
 * What is new in a user's inbox and of their jobs. Opened again whenever it breaks, from the last event on; what fails
 * for `retries.totalMs` without an event in between is thrown.
 *
 * @param {Wire} wire
 * @param {Options & { lastEventId?: string | undefined }} options
 * @returns {AsyncGenerator<InboxEvent, void, void>}
 */
export async function* followed(wire, { signal, lastEventId }) {
  /** @type {Set<string>} */
  const told = new Set();
  let last = lastEventId;
  let failures = 0;
  let failingSince = 0;
  for (;;) {
    const stream = new Stream(wire, last, signal);
    try {
      for await (const event of stream.events()) {
        failures = 0;
        if (event.id !== null) {
          if (told.has(event.id)) continue;
          last = event.id;
          remember(told, event.id);
        }
        yield { ...event, data: parsed(event.data) };
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof HermodrError) || !mayRepeat({ method: "GET" }, error)) throw error;
      stream.error = error;
    } finally {
      stream.close();
    }
    failures += 1;
    failingSince = failures === 1 ? Date.now() : failingSince;
    const error = stream.error ?? new NoAnswer("the stream ended", { reached: true, attempts: failures });
    // not all who were cut off come back at once
    const wait = Math.max(wire.pauseMs(failures, error), stream.retryMs * Math.random());
    if (wire.retries.attempts === 1 || Date.now() + wait > failingSince + wire.retries.totalMs) throw error;
    await pause(wait, signal);
  }
}

/** One connection. */
class Stream {
  /** @type {HermodrError | undefined} */
  error;
  #controller = new AbortController();
  #decoder = new Decoder();
  #end = () => this.#controller.abort();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;
  #overdue = false;

  /**
   * @param {Wire} wire
   * @param {string | undefined} last
   * @param {AbortSignal | undefined} signal
   */
  constructor(wire, last, signal) {
    signal?.throwIfAborted();
    this.wire = wire;
    this.last = last;
    this.theirs = signal;
    signal?.addEventListener("abort", this.#end);
  }

  get retryMs() {
    return this.#decoder.retryMs;
  }

  async *events() {
    try {
      this.#heard();
      const headers = { accept: "text/event-stream", ...(this.last !== undefined && { "last-event-id": this.last }) };
      const request = { method: "GET", path: "/v1/inbox/stream", headers };
      const response = await this.wire.open(request, this.#controller.signal);
      if (!response.ok) throw refusal(response, await response.text());
      const reader = response.body?.getReader();
      for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
        this.#heard();
        yield* this.#decoder.take(read.value);
      }
    } catch (error) {
      throw error instanceof HermodrError ? error : lost(error, this.#overdue);
    }
  }

  #heard() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#overdue = true;
      this.#end();
    }, SILENCE_MS);
  }

  close() {
    clearTimeout(this.#silence);
    this.theirs?.removeEventListener("abort", this.#end);
    this.#end();
  }
}

/**
 * @param {Set<string>} told
 * @param {string} id
 */
function remember(told, id) {
  told.add(id);
  if (told.size > REMEMBERED) for (const oldest of told) return told.delete(oldest);
  return true;
}

/** @param {string} data */
function parsed(data) {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
