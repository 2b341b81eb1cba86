import { InboxEvent } from "./events.js";
import { Live, whileVisible } from "./live.js";

/**
 * A notification, as `GET /v1/inbox` shows it. Its texts are a stranger's: show them as text.
 * @typedef {{ id: string, job_id: string, type: string | null, title: string, message: string, data: any,
 *   read: boolean, read_at: string | null, archived: boolean, archived_at: string | null,
 *   snoozed_until: string | null, created_at: string }} Notification
 *
 * @typedef {{ data: Notification[], unread_count: number, next_cursor: string | null }} NotificationPage
 * @typedef {{ read?: boolean, archived?: boolean, snoozed?: boolean, type?: string, limit?: number,
 *   cursor?: string | null }} ListOptions
 * @typedef {{ title: string, category: string | null, description: string | null }} Label
 * @typedef {{ id: string, type: string, label: Label, critical: boolean, channels: Record<string, boolean> }} Preference
 * @typedef {{ data: Preference[], channels: Record<string, boolean>, next_cursor: string | null }} PreferencePage
 * @typedef {{ current: number, total: number | null, percentage: number | null, message: string | null }} Progress
 * @typedef {{ id: string, kind: string, type: string | null, status: string, created_at: string,
 *   processed_at: string | null, finished_at: string | null, progress: Progress | null, result: any,
 *   error: string | null, [more: string]: any }} Job
 * @typedef {{ job: Job, task: { stopping: boolean, [more: string]: any } | null, [more: string]: any }} JobHistory
 * @typedef {{ at: string, event: string, detail: Record<string, any> }} TimelineEntry
 * @typedef {{ job_id: string, status: string, data: TimelineEntry[] }} Timeline
 *
 * @typedef {object} InboxOptions
 * @property {string} api  where Hermodr is: `https://notify.example.com`
 * @property {string} [token]  the user's
 * @property {() => string | Promise<string>} [getToken]  gives a token, and another one when the last one has ended
 * @property {typeof globalThis.fetch} [fetch]
 * @property {number} [pollSeconds]  between two polls where no stream can be had
 * @property {boolean} [background]  keeps the stream while the page is hidden
 */

/** What the api answered if it did not do what it was asked for: a problem document (RFC 9457), or no answer at all. */
export class InboxError extends Error {
  /**
   * @param {string} message @param {number} status 0: no answer came
   * @param {Record<string, any>} problem @param {number | null} retryAfter seconds
   */
  constructor(message, status = 0, problem = {}, retryAfter = null) {
    super(message);
    this.name = "InboxError";
    this.status = status;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

const TIMEOUT_MS = 20_000;
const TRIES = 3;
const LONGEST_WAIT_SECONDS = 10;
const POLLED = 20;

/**
 * The inbox and the jobs of one user. All calls raise `InboxError`.
 *
 * Events, with what they tell in `detail`: `notification` (a `Notification`), `count` (`{unread}`), `job`
 * (`{job_id, event, status, progress}`, at its end with `result` and `error`), `refetch` (something may have been
 * missed: read again what is shown), `connection` (`{state}`).
 */
export class InboxClient extends EventTarget {
  /** @type {number | null} null: not known yet */
  unread = null;
  /** @type {import("./live.js").Connection} */
  connection = "stopped";
  /** @type {Map<string, number>} jobs that somebody shows */
  #followed = new Map();
  /** @type {Promise<string> | null} */
  #renewing = null;
  /** @type {(() => void) | null} */
  #ignore = null;
  #live;
  #options;
  #api;
  #token;

  /** @param {InboxOptions} options */
  constructor(options) {
    super();
    this.#options = options;
    this.#api = options.api.replace(/\/+$/, "");
    this.#token = options.token ?? "";
    const ends = {
      open: this.#open.bind(this),
      poll: this.#poll.bind(this),
      heard: this.#heard.bind(this),
      became: this.#became.bind(this),
      reconnected: () => this.#tell("refetch"),
      refused: (/** @type {unknown} */ error) => error instanceof InboxError && error.status === 401,
      renew: async () => (await this.#renew()) !== "",
    };
    this.#live = new Live(ends, (options.pollSeconds ?? 30) * 1000);
  }

  get api() {
    return this.#api;
  }

  get token() {
    return this.#token;
  }

  /** The same user's next token. */
  set token(token) {
    this.#token = token;
    if (this.connection === "unauthorized") this.#live.start();
  }

  /** Begins to listen. */
  start() {
    if (this.#ignore === null && !this.#options.background) this.#ignore = whileVisible(this.#live);
    this.#live.start();
  }

  stop() {
    this.#ignore?.();
    this.#ignore = null;
    this.#live.stop();
  }

  /** @param {ListOptions} [options] @returns {Promise<NotificationPage>} the newest first */
  async list(options = {}) {
    const found = await this.#json("GET", "/v1/inbox", { query: options });
    this.#count(found.unread_count);
    const first = Object.keys(options).every((each) => each === "limit") ? found.data[0] : undefined;
    if (first !== undefined) this.#live.lastEventId ??= first.id;
    return found;
  }

  /** @param {ListOptions} [options] @returns {AsyncGenerator<Notification, void, void>} over all pages */
  async *all(options = {}) {
    let cursor = options.cursor ?? null;
    do {
      /** @type {NotificationPage} */
      const page = await this.list({ ...options, cursor });
      yield* page.data;
      cursor = page.next_cursor;
    } while (cursor !== null);
  }

  /** @returns {Promise<number>} */
  async unreadCount() {
    return this.#count((await this.#json("GET", "/v1/inbox/unread-count")).unread_count);
  }

  /** @param {string} id @returns {Promise<Notification>} it stays unread */
  show(id) {
    return this.#json("GET", `/v1/inbox/${encodeURIComponent(id)}`);
  }

  /** @param {string} id */
  read(id) {
    return this.#mark(id, "read");
  }

  /** @param {string} id */
  markUnread(id) {
    return this.#mark(id, "unread");
  }

  /** @param {string} id */
  archive(id) {
    return this.#mark(id, "archive");
  }

  /** @param {string} id */
  unarchive(id) {
    return this.#mark(id, "unarchive");
  }

  /** @param {string} id @param {Date | null} until null: it comes back now */
  snooze(id, until) {
    return this.#mark(id, "snooze", { until: until === null ? null : until.toISOString() });
  }

  /** @param {string} [type] only those of that type @returns {Promise<number>} how many were marked */
  async readAll(type) {
    const body = type === undefined ? {} : { type };
    const done = await this.#json("PATCH", "/v1/inbox/read-all", { body });
    this.#count(done.unread_count);
    return done.read;
  }

  /** @param {string} id */
  async delete(id) {
    await this.#request("DELETE", `/v1/inbox/${encodeURIComponent(id)}`);
  }

  /**
   * @param {string} [locale] the language of labels; by default the user's
   * @returns {Promise<PreferencePage>} of all types that may reach them; `channels`: what holds for those without a wish
   */
  async preferences(locale) {
    const query = { limit: 200, cursor: /** @type {string | null} */ (null), locale };
    const all = /** @type {PreferencePage} */ (await this.#json("GET", "/v1/inbox/preferences", { query }));
    while (all.next_cursor !== null) {
      query.cursor = all.next_cursor;
      const next = await this.#json("GET", "/v1/inbox/preferences", { query });
      all.data.push(...next.data);
      all.next_cursor = next.next_cursor;
    }
    return all;
  }

  /**
   * @param {string | null} id of the preference; null: of all types for which nothing else is wished
   * @param {Record<string, boolean>} channels those left out stay as they are
   * @returns {Promise<{channels: Record<string, boolean>}>}
   */
  changePreference(id, channels) {
    const path = id === null ? "/v1/inbox/preferences" : `/v1/inbox/preferences/${encodeURIComponent(id)}`;
    return this.#json("PATCH", path, { body: { channels } });
  }

  /** @param {string} id @returns {Promise<JobHistory>} */
  job(id) {
    return this.#json("GET", `/v1/jobs/${encodeURIComponent(id)}`);
  }

  /** @param {string} id @returns {Promise<Timeline>} */
  timeline(id) {
    return this.#json("GET", `/v1/jobs/${encodeURIComponent(id)}/timeline`);
  }

  /** @param {string} id @returns {Promise<{status: string}>} `processing`: it was told to stop */
  cancelJob(id) {
    return this.#json("DELETE", `/v1/jobs/${encodeURIComponent(id)}`);
  }

  /** @param {string} id @returns {Promise<{status: string}>} */
  retryJob(id) {
    return this.#json("POST", `/v1/jobs/${encodeURIComponent(id)}/retry`);
  }

  /** Asks for that job too where no stream can be had. @param {string} id @returns {() => void} ends it */
  follow(id) {
    this.#followed.set(id, (this.#followed.get(id) ?? 0) + 1);
    return () => {
      const left = (this.#followed.get(id) ?? 1) - 1;
      if (left > 0) this.#followed.set(id, left);
      else this.#followed.delete(id);
    };
  }

  /** @param {string} id @param {string} what @param {object} [body] @returns {Promise<Notification>} */
  #mark(id, what, body) {
    return this.#json("PATCH", `/v1/inbox/${encodeURIComponent(id)}/${what}`, { body });
  }

  /** @param {string} type @param {any} [detail] */
  #tell(type, detail) {
    this.dispatchEvent(new InboxEvent(type, detail));
  }

  /** @param {number} unread */
  #count(unread) {
    const changed = unread !== this.unread;
    this.unread = unread;
    if (changed) this.#tell("count", { unread });
    return unread;
  }

  /** @param {import("./live.js").Connection} state */
  #became(state) {
    if (state === this.connection) return;
    this.connection = state;
    this.#tell("connection", { state });
  }

  /** @param {import("./sse.js").StreamedEvent} each */
  #heard({ event, data }) {
    if (event === "notification") this.#tell("notification", data);
    else if (event === "job:status" || event === "job:update") this.#tell("job", { status: data.event, ...data });
    else if (event === "refetch") this.#tell("refetch");
    else if (event === "notification:count") {
      this.unread = data.unread;
      this.#tell("count", { unread: data.unread }); // the same number may be of other notifications
    }
  }

  /** @param {string | null} lastEventId @param {AbortSignal} signal */
  async #open(lastEventId, signal) {
    /** @type {Record<string, string>} */
    const headers = lastEventId === null ? {} : { "last-event-id": lastEventId };
    const path = "/v1/inbox/stream";
    const answer = await this.#request("GET", path, { headers, signal, timeout: 0, tries: 1 });
    if (answer.body === null) throw new InboxError("no stream");
    return answer.body;
  }

  /** @param {AbortSignal} signal */
  async #poll(signal) {
    const last = this.#live.lastEventId;
    /** @type {NotificationPage} */
    const found = await this.#json("GET", "/v1/inbox", { query: { limit: POLLED }, signal, tries: 1 });
    const known = found.data.findIndex((each) => each.id === last);
    const fresh = known < 0 ? [] : found.data.slice(0, known);
    if (known < 0 && found.data.length > 0) this.#tell("refetch");
    for (const each of fresh.reverse()) this.#tell("notification", each);
    this.#live.lastEventId = found.data[0]?.id ?? last;
    this.#count(found.unread_count);
    for (const id of this.#followed.keys()) {
      const { job } = await this.#json("GET", `/v1/jobs/${encodeURIComponent(id)}`, { signal, tries: 1 });
      const { status, progress, result, error } = job;
      this.#tell("job", { job_id: id, event: status, status, progress, result, error });
    }
  }

  /** @returns {Promise<string>} another token; empty if there is none to be had */
  async #renew() {
    const { getToken } = this.#options;
    if (getToken === undefined) return "";
    this.#renewing ??= Promise.resolve(getToken()).finally(() => (this.#renewing = null));
    this.#token = await this.#renewing;
    return this.#token;
  }

  /** @param {string} method @param {string} path @param {RequestOptions} [options] @returns {Promise<any>} */
  async #json(method, path, options = {}) {
    return (await this.#request(method, path, options)).json();
  }

  /**
   * Tries again what may be tried again: without an answer, with 429 or 503 after the time it says, and once with
   * another token.
   * @typedef {{ query?: object, body?: object | undefined, headers?: Record<string, string>, signal?: AbortSignal,
   *   timeout?: number, tries?: number }} RequestOptions
   * @param {string} method @param {string} path @param {RequestOptions} options @returns {Promise<Response>}
   */
  async #request(method, path, options = {}) {
    const headers = { ...options.headers };
    if (method === "POST") headers["idempotency-key"] = `${Date.now()}-${Math.random()}`; // of this user's requests
    let renewed = false;
    for (let left = (options.tries ?? TRIES) - 1; ; left--) {
      try {
        return await this.#once(method, path, { ...options, headers });
      } catch (error) {
        if (!(error instanceof InboxError) || options.signal?.aborted) throw error;
        if (error.status === 401 && !renewed && (await this.#renew()) !== "") {
          renewed = true;
          left++;
          continue;
        }
        const wait = error.retryAfter ?? (error.status === 0 ? 1 : null);
        if (left <= 0 || wait === null || wait > LONGEST_WAIT_SECONDS) throw error;
        await new Promise((done) => setTimeout(done, wait * 1000 * (1 + Math.random() / 4)));
      }
    }
  }

  /** @param {string} method @param {string} path @param {RequestOptions} options @returns {Promise<Response>} */
  async #once(method, path, { query = {}, body, headers = {}, signal, timeout = TIMEOUT_MS }) {
    const url = new URL(this.#api + path, globalThis.location?.href);
    for (const [name, value] of Object.entries(query)) {
      if (value !== null && value !== undefined) url.searchParams.set(name, String(value));
    }
    const token = this.#token || (await this.#renew());
    const sent = { ...headers, authorization: `Bearer ${token}` };
    if (body !== undefined) Object.assign(sent, { "content-type": "application/json" });
    const ending = new AbortController();
    const end = () => ending.abort();
    const timer = timeout > 0 ? setTimeout(end, timeout) : undefined;
    signal?.addEventListener("abort", end, { once: true });
    const call = this.#options.fetch ?? globalThis.fetch.bind(globalThis);
    const given = body === undefined ? null : JSON.stringify(body);
    /** @type {RequestInit} */
    const request = { method, headers: sent, body: given, signal: ending.signal, credentials: "omit", cache: "no-store" };
    const answer = await call(url.href, request)
      .catch(() => {
        throw new InboxError("no answer");
      })
      .finally(() => clearTimeout(timer));
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    const after = Number(answer.headers.get("retry-after") ?? NaN);
    const words = problem.detail ?? problem.title ?? `status ${answer.status}`;
    throw new InboxError(words, answer.status, problem, Number.isFinite(after) ? after : null);
  }
}
