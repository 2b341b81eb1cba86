import { eventsOf } from "./sse.js";

/**
 * How the client hears of news: `live` by the stream, `polling` by asking now and then, `connecting` for the first
 * time or again, `offline` if neither works, `paused` while the page is hidden, `unauthorized` until there is another
 * token, `stopped` if nobody wants to hear.
 * @typedef {"stopped" | "connecting" | "live" | "polling" | "offline" | "paused" | "unauthorized"} Connection
 */

/**
 * What keeps a connection needs of its client.
 * @typedef {object} Ends
 * @property {(lastEventId: string | null, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>} open
 * @property {(signal: AbortSignal) => Promise<void>} poll
 * @property {(event: import("./sse.js").StreamedEvent) => void} heard
 * @property {(connection: Connection) => void} became
 * @property {() => void} reconnected
 * @property {(error: unknown) => boolean} refused  whether another token is needed
 * @property {() => Promise<boolean>} renew  whether there is another token
 */

const SILENT_MS = 40_000; // the server gives a sign of life every 15 s
const BEGIN_MS = 10_000; // a stream tells the count at once; if it does not, something on the way keeps it back
const FIRST_WAIT_MS = 1_000;
const HIDDEN_MS = 30_000;

/** Keeps one stream open, with a poll where there is none. */
export class Live {
  /** @type {string | null} the last notification that was told */
  lastEventId = null;
  /** @type {AbortController | null} */
  #running = null;
  /** @type {(() => void) | null} ends a wait at once */
  #hurry = null;
  #heardOnce = false;
  #ends;
  #pollMs;

  /** @param {Ends} ends @param {number} pollMs between two polls, and between two tries to have a stream again */
  constructor(ends, pollMs) {
    this.#ends = ends;
    this.#pollMs = pollMs;
  }

  start() {
    if (this.#running !== null) return;
    this.#running = new AbortController();
    void this.#run(this.#running.signal);
  }

  /** @param {Connection} connection what it is from now on */
  stop(connection = "stopped") {
    this.#running?.abort();
    this.#running = null;
    this.#ends.became(connection);
  }

  /** Tries again now, if it waits. */
  hurry() {
    this.#hurry?.();
  }

  /** @param {AbortSignal} signal */
  async #run(signal) {
    let failures = 0;
    this.#ends.became("connecting");
    while (!signal.aborted) {
      const heard = await this.#listen(signal);
      if (signal.aborted) return;
      failures = heard ? 0 : failures + 1;
      if (failures > 0) await this.#poll(signal);
      else this.#ends.became("connecting");
      if (signal.aborted) return;
      await this.#wait(Math.min(FIRST_WAIT_MS * 2 ** failures, this.#pollMs), signal);
    }
  }

  /** @param {AbortSignal} signal @returns {Promise<boolean>} whether it told anything before it ended */
  async #listen(signal) {
    const once = new AbortController();
    const end = () => once.abort();
    signal.addEventListener("abort", end, { once: true });
    let timer = setTimeout(end, BEGIN_MS);
    let told = false;
    try {
      const body = await this.#ends.open(this.lastEventId, once.signal);
      const alive = () => {
        clearTimeout(timer);
        timer = setTimeout(end, told ? SILENT_MS : BEGIN_MS);
      };
      for await (const event of eventsOf(body, alive)) {
        if (signal.aborted) return told;
        if (event.event === "unauthorized") return (await this.#renewed()) && told;
        if (!told) {
          told = true;
          alive(); // from now on it may be silent for longer
          this.#began();
        }
        if (event.id !== null) this.lastEventId = event.id;
        this.#ends.heard(event);
      }
    } catch (error) {
      if (!signal.aborted && this.#ends.refused(error)) this.stop("unauthorized");
    } finally {
      clearTimeout(timer);
      once.abort();
      signal.removeEventListener("abort", end);
    }
    return told;
  }

  #began() {
    this.#ends.became("live");
    if (this.#heardOnce) this.#ends.reconnected();
    this.#heardOnce = true;
  }

  async #renewed() {
    const renewed = await this.#ends.renew().catch(() => false);
    if (!renewed) this.stop("unauthorized");
    return renewed;
  }

  /** @param {AbortSignal} signal */
  async #poll(signal) {
    try {
      await this.#ends.poll(signal);
      if (!signal.aborted) this.#ends.became("polling");
    } catch (error) {
      if (signal.aborted) return;
      if (this.#ends.refused(error)) this.stop("unauthorized");
      else this.#ends.became("offline");
    }
  }

  /** @param {number} ms @param {AbortSignal} signal */
  #wait(ms, signal) {
    return new Promise((/** @type {(value?: undefined) => void} */ done) => {
      const over = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", over);
        this.#hurry = null;
        done();
      };
      const timer = setTimeout(over, ms * (0.5 + Math.random())); // not all pages at once after an outage
      signal.addEventListener("abort", over, { once: true });
      this.#hurry = over;
    });
  }
}

/**
 * Lets go of the connection while nobody looks: browsers have few connections for one server, and a page in the cache
 * of those left must have none.
 * @param {Live} live
 * @returns {() => void} ends it
 */
export function whileVisible(live) {
  if (typeof document === "undefined") return () => {};
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const pause = () => live.stop("paused");
  const changed = () => {
    clearTimeout(timer);
    if (document.visibilityState === "hidden") timer = setTimeout(pause, HIDDEN_MS);
    else live.start();
  };
  const online = () => live.hurry();
  document.addEventListener("visibilitychange", changed);
  addEventListener("pagehide", pause);
  addEventListener("pageshow", changed);
  addEventListener("online", online);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", changed);
    removeEventListener("pagehide", pause);
    removeEventListener("pageshow", changed);
    removeEventListener("online", online);
  };
}
