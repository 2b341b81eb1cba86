import { HermodrElement } from "./base.js";
import { InboxError } from "./client.js";
import { h, icon, iconButton, raise } from "./dom.js";
import { Feed } from "./feed.js";
import { Menu } from "./menu.js";
import { Rows, notice } from "./rows.js";
import { Toasts } from "./toasts.js";
import { wishes } from "./wishes.js";

/** @typedef {import("./client.js").Notification} Notification */
/** @typedef {import("./feed.js").View} View */

const VIEWS = /** @type {const} */ (["all", "unread", "snoozed", "archived"]);
const HOUR_MS = 3_600_000;
const MORNING = 9;

/**
 * `<hermodr-inbox api="https://notify.example.com" token="…">`: a bell with the number of unread notifications, and a
 * panel with all of them. Attributes beside those of all elements: `open`, `inline` (the list stands in the page,
 * without a bell), `link` (the name in `data` that holds an address; `url`), `toasts="off"`, `background`.
 *
 * Events: `hermodr:notification`, `hermodr:count`, `hermodr:open` (somebody chose a notification; `preventDefault()`
 * keeps the page from following its link), `hermodr:connection`.
 */
export class HermodrInbox extends HermodrElement {
  static observedAttributes = [...HermodrElement.observedAttributes, "open", "inline", "link"];
  /** @type {Feed | null} only while it is shown */
  #feed = null;
  /** @type {Rows | null} */
  #rows = null;
  /** @type {View} */
  #view = "all";
  #showsWishes = false;
  #menu = new Menu();
  #toasts = new Toasts();
  #bell = h("button", { type: "button", class: "bell", part: "bell", "aria-haspopup": "dialog", "aria-controls": "panel" });
  #count = h("span", { class: "count", part: "count", "aria-hidden": "true" });
  #panel = h("div", { id: "panel", part: "panel", role: "dialog", tabindex: "-1", popover: "manual", hidden: true });
  #body = h("div", { class: "body", part: "body", id: "body" });
  #connection = h("span", { class: "connection", part: "connection", role: "img" });
  #tabs = h("div", { role: "tablist", part: "tabs" });
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #clock;

  constructor() {
    super();
    this.#bell.append(icon("bell"), this.#count);
    this.#bell.addEventListener("click", () => this.toggleAttribute("open"));
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.hasAttribute("inline")) this.removeAttribute("open");
    });
    this.shadowRoot?.append(this.#bell, this.#panel, this.#menu.element, this.#toasts.element, this.spoken);
  }

  get open() {
    return this.hasAttribute("open") || this.hasAttribute("inline");
  }

  set open(open) {
    this.toggleAttribute("open", open);
  }

  /** @override @param {string} name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(name, before, after) {
    if (name !== "open") super.attributeChangedCallback(name, before, after);
    else if ((before === null) !== (after === null) && this.isConnected) this.#opened();
  }

  /** @override */
  begin() {
    this.#draw();
    const { signal } = this.heard;
    this.hear("notification", (each) => this.#arrived(each));
    this.hear("count", (detail) => {
      this.#counted();
      this.tell("hermodr:count", detail);
    });
    this.hear("connection", (detail) => {
      this.#connected();
      this.tell("hermodr:connection", detail);
    });
    document.addEventListener("pointerdown", (event) => this.#pressedElsewhere(event), { signal });
    addEventListener("resize", () => this.#place(), { signal });
    addEventListener("scroll", () => this.#place(), { signal, passive: true, capture: true });
    if (this.open) this.#opened();
  }

  /** @override */
  end() {
    this.#menu.close(false);
    this.#leave();
  }

  #draw() {
    const { words, direction, tag } = this.locale;
    for (const each of [this.#bell, this.#panel, this.#menu.element, this.#toasts.element]) {
      each.lang = tag;
      each.dir = this.hasAttribute("locale") ? direction : "";
      if (each.dir === "") each.removeAttribute("dir");
    }
    this.#panel.setAttribute("aria-label", words.title);
    const inline = this.hasAttribute("inline");
    this.#panel.setAttribute("role", inline ? "region" : "dialog");
    if (inline) this.#panel.removeAttribute("popover");
    else this.#panel.setAttribute("popover", "manual");
    this.#bell.hidden = inline;
    this.#toasts.element.replaceChildren();
    this.#counted();
    this.#connected();
    this.#frame();
  }

  /** What stands around the list, or around the wishes. */
  #frame() {
    const { words } = this.locale;
    const inline = this.hasAttribute("inline");
    const title = h("p", { class: "strong title", part: "title" }, this.#showsWishes ? words.wishes : words.title);
    const close = inline ? null : iconButton("close", words.close, () => this.removeAttribute("open"));
    const left = this.#showsWishes ? iconButton("back", words.back, () => this.#toWishes(false)) : null;
    const right = this.#showsWishes
      ? []
      : [
          iconButton("checks", words.readAll, () => void this.#try(this.#feed?.readAll())),
          iconButton("settings", words.settings, () => this.#toWishes(true)),
        ];
    this.#tabs.replaceChildren(...(this.#showsWishes ? [] : VIEWS.map((view) => this.#tab(view))));
    this.#tabs.hidden = this.#showsWishes;
    this.#tabs.setAttribute("aria-label", words.title);
    this.#body.setAttribute("role", this.#showsWishes ? "group" : "tabpanel");
    this.#body.setAttribute("aria-label", this.#showsWishes ? words.wishes : words[this.#view]);
    const header = h("div", { class: "header", part: "header" }, left, title, this.#connection, ...right, close);
    this.#panel.replaceChildren(header, this.#tabs, this.#body);
  }

  /** @param {View} view */
  #tab(view) {
    const chosen = view === this.#view;
    const onclick = () => this.#choose(view);
    const onkeydown = (/** @type {KeyboardEvent} */ event) => {
      const turn = this.locale.direction === "rtl" ? -1 : 1;
      const steps = { ArrowRight: turn, ArrowLeft: -turn };
      const step = steps[/** @type {keyof typeof steps} */ (event.key)];
      if (step === undefined) return;
      this.#choose(VIEWS[(VIEWS.indexOf(view) + step + VIEWS.length) % VIEWS.length] ?? "all");
      /** @type {HTMLElement | null} */ (this.#tabs.querySelector("[aria-selected=true]"))?.focus();
      event.preventDefault();
    };
    const about = { type: "button", role: "tab", part: chosen ? "tab tab-chosen" : "tab", "aria-controls": "body" };
    const state = { "aria-selected": String(chosen), tabindex: chosen ? "0" : "-1" };
    return h("button", { ...about, ...state, onclick, onkeydown }, this.locale.words[view]);
  }

  /** @param {View} view */
  #choose(view) {
    this.#view = view;
    const focused = this.shadowRoot?.activeElement?.getAttribute("role") === "tab";
    this.#tabs.replaceChildren(...VIEWS.map((each) => this.#tab(each)));
    this.#body.setAttribute("aria-label", this.locale.words[view]);
    if (focused) /** @type {HTMLElement | null} */ (this.#tabs.querySelector("[aria-selected=true]"))?.focus();
    this.#body.scrollTop = 0;
    void this.#feed?.show(view);
  }

  #opened() {
    const { open } = this;
    this.#bell.setAttribute("aria-expanded", String(open));
    this.#leave();
    if (!open) {
      const inside = this.shadowRoot?.activeElement;
      this.#menu.close(false);
      if (this.hasAttribute("inline")) return;
      raise(this.#panel, false);
      if (inside !== null && inside !== undefined && this.#panel.contains(inside)) this.#bell.focus();
      return;
    }
    if (this.#showsWishes) this.#toWishes(false);
    if (this.hasAttribute("inline")) this.#panel.hidden = false;
    else {
      raise(this.#panel, true);
      this.#place();
      this.#panel.focus({ preventScroll: true });
    }
    this.#enter();
  }

  #enter() {
    const { client } = this;
    if (client === null) return this.#body.replaceChildren(notice(this.locale.words.stopped));
    const link = this.getAttribute("link") || "url";
    this.#rows = new Rows(this.locale, link, {
      open: (each, url, event) => this.#chose(each, url, event),
      toggleRead: (each) => void this.#try(this.#feed?.mark(each, !each.read)),
      toggleArchived: (each) => this.#moved(each),
      more: (each, button) => this.#offer(each, button),
    });
    this.#feed = new Feed(client);
    this.#feed.addEventListener("change", () => this.#listed());
    void this.#feed.show(this.#view);
    this.#clock = setInterval(() => this.#rows?.refreshTimes(), 30_000);
  }

  #leave() {
    clearInterval(this.#clock);
    this.#feed?.close();
    this.#feed = null;
  }

  /** Shows what the feed has. */
  #listed() {
    const feed = this.#feed;
    const rows = this.#rows;
    if (feed === null || rows === null || this.#showsWishes) return;
    const { words } = this.locale;
    this.#body.setAttribute("aria-busy", String(feed.loading));
    if (feed.items.length === 0) {
      rows.show([]);
      this.#body.replaceChildren(feed.loading ? h("p", { class: "quiet" }, words.loading) : this.#nothing(feed));
      return;
    }
    rows.show(feed.items);
    const more = h("button", { type: "button", class: "more", part: "action", disabled: feed.loading, onclick: () => void feed.more() }, words.loadMore);
    const rest = feed.error ? this.#failure(feed.error, () => void feed.reload()) : feed.hasMore ? more : null;
    for (const each of [...this.#body.children]) if (each !== rows.list) each.remove();
    if (rows.list.parentNode !== this.#body) this.#body.replaceChildren(rows.list);
    if (rest !== null) this.#body.append(rest);
  }

  /** @param {Feed} feed */
  #nothing(feed) {
    const { words } = this.locale;
    if (feed.error) return this.#failure(feed.error, () => void feed.reload());
    const said = { all: words.emptyAll, unread: words.emptyUnread, archived: words.emptyArchived, snoozed: words.emptySnoozed };
    return notice(said[feed.view], feed.view === "all" ? words.emptyAllMore : undefined);
  }

  /** @param {unknown} error @param {() => void} again */
  #failure(error, again) {
    const { words } = this.locale;
    const signedOut = error instanceof InboxError && error.status === 401;
    const button = h("button", { type: "button", class: "more", part: "action", onclick: again }, words.again);
    const box = h("div", { class: "failure", part: "error", role: "alert" }, h("p", {}, signedOut ? words.signedOut : words.failed), button);
    return box;
  }

  /** @param {boolean} shown */
  #toWishes(shown) {
    this.#showsWishes = shown;
    this.#frame();
    this.#body.replaceChildren();
    if (!shown) return this.#listed();
    this.#body.append(h("p", { class: "quiet" }, this.locale.words.loading));
    const { client } = this;
    if (client === null) return;
    /** @type {HTMLElement | null} */ (this.#panel.querySelector("button"))?.focus();
    wishes(client, this.locale, this.typeNames, (error) => this.#failed(error))
      .catch((error) => this.#failure(error, () => this.#toWishes(true)))
      .then((content) => this.#showsWishes && this.#body.replaceChildren(content));
  }

  /** @param {Notification} each @param {URL | null} link @param {MouseEvent} event */
  #chose(each, link, event) {
    const followed = this.tell("hermodr:open", { notification: each, url: link?.href ?? null });
    if (!followed) event.preventDefault();
    if (!each.read) void this.#try(this.#feed?.mark(each, true));
  }

  /** @param {Notification} each */
  #moved(each) {
    const feed = this.#feed;
    if (feed === null) return;
    const { words } = this.locale;
    if (feed.view === "snoozed") return void this.#try(feed.snooze(each, null));
    if (feed.view === "archived") return void this.#try(feed.unarchive(each));
    void this.#try(feed.archive(each), words.isArchived, () => this.client?.unarchive(each.id));
  }

  /** @param {Notification} each @param {HTMLButtonElement} button */
  #offer(each, button) {
    const { words } = this.locale;
    /** @param {string} label @param {Date} until */
    const later = (label, until) => ({
      label,
      chosen: () => {
        const said = this.locale.say("isSnoozed", this.locale.moment(until));
        void this.#try(this.#feed?.snooze(each, until), said, () => this.client?.snooze(each.id, null));
      },
    });
    const away = this.#view === "snoozed";
    this.#menu.open(
      button,
      [
        ...(away ? [{ label: words.unsnooze, chosen: () => void this.#try(this.#feed?.snooze(each, null)) }] : []),
        later(words.hour, new Date(Date.now() + HOUR_MS)),
        later(words.tomorrow, morningIn(1)),
        later(words.monday, morningIn(((8 - new Date().getDay()) % 7) || 7)),
        { label: words.delete, sure: words.sure, chosen: () => void this.#try(this.#feed?.delete(each), words.isDeleted) },
      ],
      words.more,
    );
  }

  /**
   * @param {Promise<unknown> | undefined} change @param {string} [done] what is said then
   * @param {() => Promise<unknown> | undefined} [undo]
   */
  async #try(change, done, undo) {
    if (change === undefined) return;
    const { words } = this.locale;
    try {
      await change;
    } catch (error) {
      return this.#failed(error);
    }
    if (done === undefined) return;
    const undone = () => void this.#try(undo?.()?.then(() => this.#feed?.reload()));
    this.#toasts.show(done, words.close, undo === undefined ? null : { label: words.undo, done: undone });
    this.say(done);
  }

  /** @param {unknown} error */
  #failed(error) {
    const { words } = this.locale;
    const why = error instanceof InboxError && error.status > 0 ? error.message : "";
    this.#toasts.show(words.notDone, words.close, null, why);
    this.say(`${words.notDone} ${why}`);
  }

  /** @param {Notification} each */
  #arrived(each) {
    const said = each.title || each.message;
    this.say(this.locale.say("arrived", said));
    const wanted = this.tell("hermodr:notification", each);
    if (!wanted || this.open || this.getAttribute("toasts") === "off") return;
    const { words } = this.locale;
    const show = { label: words.show, done: () => (this.open = true) };
    this.#toasts.show(said, words.close, show, each.title ? each.message : "");
  }

  #counted() {
    const { words, number } = this.locale;
    const unread = this.client?.unread ?? 0;
    this.#count.hidden = unread === 0;
    this.#count.textContent = unread > 99 ? `${number.format(99)}+` : number.format(unread);
    const said = this.client === null ? words.stopped : `${words.unread}: ${number.format(unread)}`;
    const label = unread === 0 && this.client !== null ? words.title : `${words.title}, ${said}`;
    this.#bell.dataset["state"] = this.client === null ? "stopped" : "";
    this.#bell.setAttribute("aria-label", label);
    this.#bell.title = label;
  }

  #connected() {
    const state = this.client?.connection ?? "stopped";
    const said = this.locale.words[state];
    this.#connection.dataset["state"] = state;
    this.#connection.setAttribute("aria-label", said);
    this.#connection.title = said;
  }

  /** @param {Event} event */
  #pressedElsewhere(event) {
    if (this.#menu.isLeftBy(event)) this.#menu.close(false);
    if (!event.composedPath().includes(this) && !this.hasAttribute("inline")) this.removeAttribute("open");
  }

  /** At the bell, where there is room. */
  #place() {
    if (this.#panel.hidden || this.hasAttribute("inline")) return;
    const bell = this.#bell.getBoundingClientRect();
    const { style, offsetWidth: width } = this.#panel;
    const left = getComputedStyle(this).direction === "rtl" ? bell.left : bell.right - width;
    const above = innerHeight - bell.bottom < Math.min(360, bell.top);
    style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
    style.top = above ? "auto" : `${bell.bottom + 8}px`;
    style.bottom = above ? `${innerHeight - bell.top + 8}px` : "auto";
    style.setProperty("--room", `${(above ? bell.top : innerHeight - bell.bottom) - 16}px`);
  }
}

/** @param {number} days */
function morningIn(days) {
  const then = new Date();
  then.setDate(then.getDate() + days);
  then.setHours(MORNING, 0, 0, 0);
  return then;
}
