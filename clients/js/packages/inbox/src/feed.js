import { InboxEvent } from "./events.js";

/** @typedef {"all" | "unread" | "archived" | "snoozed"} View */
/** @typedef {import("./client.js").Notification} Notification */

const PAGE = 20;
const MOST = 200;
const SETTLE_MS = 300;
/** @type {Record<View, import("./client.js").ListOptions>} */
const ASKED = { all: {}, unread: { read: false }, archived: { archived: true }, snoozed: { snoozed: true } };

/**
 * The notifications of one view, kept as they are while they change; changes of one's own are shown at once and taken
 * back if they fail (they throw then). Fires `change`. Without any page: for elements of your own.
 */
export class Feed extends EventTarget {
  /** @type {Notification[]} */
  items = [];
  loading = false;
  /** @type {unknown} */
  error = null;
  /** @type {string | null} */
  #cursor = null;
  #round = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #settling;
  #client;
  /** @type {View} */
  #view = "all";
  #ending = new AbortController();

  /** @param {import("./client.js").InboxClient} client */
  constructor(client) {
    super();
    this.#client = client;
    const { signal } = this.#ending;
    client.addEventListener("notification", (event) => this.#arrived(/** @type {InboxEvent} */ (event).detail), { signal });
    client.addEventListener("count", () => this.#settle(), { signal });
    client.addEventListener("refetch", () => this.#settle(), { signal });
  }

  get view() {
    return this.#view;
  }

  get hasMore() {
    return this.#cursor !== null;
  }

  /** Ends it. */
  close() {
    clearTimeout(this.#settling);
    this.#ending.abort();
    this.#round++;
  }

  /** @param {View} view */
  async show(view) {
    this.#view = view;
    this.items = [];
    this.#cursor = null;
    await this.reload();
  }

  /** Reads again what is shown. */
  async reload() {
    const limit = Math.min(MOST, Math.max(PAGE, this.items.length));
    await this.#load({ ...ASKED[this.#view], limit }, (page) => page.data);
  }

  /** Reads the next page, if there is one. */
  async more() {
    if (this.#cursor === null || this.loading) return;
    const had = new Set(this.items.map((each) => each.id));
    const asked = { ...ASKED[this.#view], limit: PAGE, cursor: this.#cursor };
    await this.#load(asked, (page) => [...this.items, ...page.data.filter((each) => !had.has(each.id))]);
  }

  /** @param {Notification} each @param {boolean} read */
  mark(each, read) {
    if (each.read === read) return Promise.resolve();
    return this.#change(each, { ...each, read }, () => (read ? this.#client.read(each.id) : this.#client.markUnread(each.id)));
  }

  /** @param {Notification} each */
  archive(each) {
    return this.#change(each, null, () => this.#client.archive(each.id));
  }

  /** @param {Notification} each */
  unarchive(each) {
    return this.#change(each, null, () => this.#client.unarchive(each.id));
  }

  /** @param {Notification} each @param {Date | null} until */
  snooze(each, until) {
    return this.#change(each, null, () => this.#client.snooze(each.id, until));
  }

  /** @param {Notification} each */
  delete(each) {
    return this.#change(each, null, () => this.#client.delete(each.id));
  }

  async readAll() {
    const before = this.items;
    this.#set(this.items.map((each) => ({ ...each, read: true })));
    try {
      await this.#client.readAll();
    } catch (error) {
      this.#set(before);
      throw error;
    }
    this.#settle();
  }

  /** @param {Notification} each @param {Notification | null} after null: it is gone from this view @param {() => Promise<unknown>} call */
  async #change(each, after, call) {
    this.#round++; // what is being read was so before this change
    this.loading = false;
    const place = this.items.findIndex((other) => other.id === each.id);
    const replaced = (/** @type {Notification | null} */ by) =>
      this.items.flatMap((other) => (other.id === each.id ? (by === null ? [] : [by]) : [other]));
    this.#set(replaced(after));
    try {
      await call();
    } catch (error) {
      const without = replaced(null);
      if (place >= 0) without.splice(place, 0, each);
      this.#set(without);
      throw error;
    }
    this.#settle();
  }

  /** @param {import("./client.js").ListOptions} asked @param {(page: import("./client.js").NotificationPage) => Notification[]} taken */
  async #load(asked, taken) {
    const round = ++this.#round;
    this.loading = true;
    this.error = null;
    this.#fire();
    try {
      const page = await this.#client.list(asked);
      if (round !== this.#round) return;
      this.items = taken(page);
      this.#cursor = page.next_cursor;
    } catch (error) {
      if (round !== this.#round) return;
      this.error = error;
    }
    this.loading = false;
    this.#fire();
  }

  /** @param {Notification} each */
  #arrived(each) {
    const shown = this.#view === "all" || (this.#view === "unread" && !each.read);
    if (shown && !this.items.some((other) => other.id === each.id)) this.#set([each, ...this.items]);
  }

  /** Somebody changed something, perhaps elsewhere: reads again, once for many changes. */
  #settle() {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => void this.reload(), SETTLE_MS);
  }

  /** @param {Notification[]} items */
  #set(items) {
    this.items = items;
    this.#fire();
  }

  #fire() {
    this.dispatchEvent(new InboxEvent("change"));
  }
}
