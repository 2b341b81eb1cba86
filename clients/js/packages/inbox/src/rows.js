import { h, icon, iconButton, relabel, safeLink } from "./dom.js";
import { spelled } from "./locale.js";

/** @typedef {import("./client.js").Notification} Notification */

/**
 * What a row asks for.
 * @typedef {object} Wanted
 * @property {(each: Notification, link: URL | null, event: MouseEvent) => void} open
 * @property {(each: Notification) => void} toggleRead
 * @property {(each: Notification) => void} toggleArchived
 * @property {(each: Notification, button: HTMLButtonElement) => void} more
 */

const LONG = 280;

/** The list of notifications; rows stay the same elements while what they show changes, so that focus stays. */
export class Rows {
  list = h("ul", { part: "list", role: "list" });
  /** @type {Map<string, Row>} */
  #rows = new Map();
  #locale;
  #linkKey;
  #wanted;

  /** @param {import("./locale.js").Locale} locale @param {string} linkKey name in `data` @param {Wanted} wanted */
  constructor(locale, linkKey, wanted) {
    this.#locale = locale;
    this.#linkKey = linkKey;
    this.#wanted = wanted;
    this.list.addEventListener("keydown", (event) => this.#moved(event));
  }

  /** @param {Notification[]} items */
  show(items) {
    const ids = new Set(items.map((each) => each.id));
    this.#keepFocus(ids);
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    items.forEach((each, place) => {
      let row = this.#rows.get(each.id);
      if (row === undefined) this.#rows.set(each.id, (row = new Row(each, this.#locale, this.#linkKey, this.#wanted)));
      else row.update(each);
      const there = this.list.children[place] ?? null;
      if (there !== row.element) this.list.insertBefore(row.element, there);
    });
  }

  /** Times grow. */
  refreshTimes() {
    for (const row of this.#rows.values()) row.refreshTime();
  }

  /** If the row with the focus goes, its neighbour has it. @param {Set<string>} staying */
  #keepFocus(staying) {
    const root = /** @type {ShadowRoot} */ (this.list.getRootNode());
    const focused = root.activeElement?.closest("li");
    if (!focused || staying.has(focused.dataset["id"] ?? "")) return;
    const all = [...this.list.children];
    const at = all.indexOf(focused);
    const stays = (/** @type {Element} */ row) => staying.has(/** @type {HTMLElement} */ (row).dataset["id"] ?? "");
    const next = all.slice(at).find(stays) ?? all.slice(0, at).reverse().find(stays);
    const panel = /** @type {HTMLElement | null} */ (this.list.closest("[role=dialog]"));
    /** @type {HTMLElement | null | undefined} */ (next?.querySelector("[part~=item-title]") ?? panel)?.focus();
  }

  /** @param {KeyboardEvent} event */
  #moved(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    const row = /** @type {Element} */ (event.target).closest("li");
    if (step === undefined || row === null) return;
    const all = [...this.list.children];
    const place = Math.max(0, Math.min(all.length - 1, all.indexOf(row) + step));
    /** @type {HTMLElement | null | undefined} */ (all[place]?.querySelector("[part~=item-title]"))?.focus();
    event.preventDefault();
  }
}

class Row {
  /** @param {Notification} each @param {import("./locale.js").Locale} locale @param {string} linkKey @param {Wanted} wanted */
  constructor(each, locale, linkKey, wanted) {
    this.each = each;
    this.locale = locale;
    const { words } = locale;
    const link = safeLink(each.data?.[linkKey]);
    const name = each.title || (each.type === null ? words.title : spelled(each.type));
    const opened = (/** @type {MouseEvent} */ event) => wanted.open(this.each, link, event);
    const title =
      link === null
        ? h("button", { type: "button", part: "item-title", dir: "auto", onclick: opened }, name)
        : h("a", { ...attributesOf(link), part: "item-title", dir: "auto", onclick: opened }, name);
    this.time = h("time", { part: "item-time", datetime: each.created_at, title: locale.moment(each.created_at) });
    this.mark = h("span", { class: "mark", part: "mark" }, h("span", { class: "hidden" }, `${words.unread}: `));
    this.readButton = iconButton("check", "", () => wanted.toggleRead(this.each));
    this.archiveButton = iconButton("archive", "", () => wanted.toggleArchived(this.each));
    const more = iconButton("more", `${words.more}: ${name}`, () => wanted.more(this.each, more));
    more.setAttribute("aria-haspopup", "menu");
    this.element = h(
      "li",
      { "data-id": each.id },
      h("div", { class: "text" }, h("div", { class: "headline" }, this.mark, title), textOf(each.message, words), this.time),
      h("div", { class: "actions" }, this.readButton, this.archiveButton, more),
    );
    this.name = name;
    this.update(each);
    this.refreshTime();
  }

  /** @param {Notification} each */
  update(each) {
    this.each = each;
    const { words } = this.locale;
    this.element.setAttribute("part", each.read ? "item" : "item item-unread");
    this.element.classList.toggle("unread", !each.read);
    this.mark.hidden = each.read;
    relabel(this.readButton, each.read ? "dot" : "check", `${each.read ? words.markUnread : words.read}: ${this.name}`);
    const archived = each.archived || this.#away();
    const label = archived ? words.unarchive : words.archive;
    relabel(this.archiveButton, archived ? "unarchive" : "archive", `${label}: ${this.name}`);
  }

  refreshTime() {
    const until = this.each.snoozed_until;
    this.time.textContent = this.#away()
      ? this.locale.say("isSnoozed", this.locale.moment(/** @type {string} */ (until)))
      : this.locale.ago(this.each.created_at);
  }

  #away() {
    return this.each.snoozed_until !== null && Date.parse(this.each.snoozed_until) > Date.now();
  }
}

/** @param {URL} link */
function attributesOf(link) {
  if (link.origin === location.origin) return { href: link.href };
  return { href: link.href, target: "_blank", rel: "noopener noreferrer" };
}

/** @param {string} message @param {import("./words.js").Words} words */
function textOf(message, words) {
  if (message === "") return null;
  const text = h("p", { part: "item-message", dir: "auto" }, message);
  if (message.length <= LONG && message.split("\n").length <= 5) return text;
  text.classList.add("clamped");
  const whole = h("button", { type: "button", class: "whole", part: "action", onclick: () => (text.classList.remove("clamped"), whole.remove()) }, words.whole);
  return h("div", {}, text, whole);
}

/** What is shown instead of rows. @param {string} title @param {string} [more] @param {Node} [action] */
export function notice(title, more, action) {
  return h(
    "div",
    { class: "notice", part: "notice" },
    icon("bell"),
    h("p", { class: "strong" }, title),
    more ? h("p", {}, more) : null,
    action,
  );
}
