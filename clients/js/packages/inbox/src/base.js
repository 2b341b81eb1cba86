import { leave, take, whenThere } from "./clients.js";
import { h } from "./dom.js";
import { Locale } from "./locale.js";
import { SHEET } from "./style.js";

const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {}); // a server renders pages, too
/** @type {CSSStyleSheet | undefined} */
let sheet;

/** Frameworks set properties after the element is there. */
const PATIENCE_MS = 2000;

/**
 * What both elements have: attributes `api`, `token`, `locale`, `theme`; properties `getToken`, `labels`, `typeNames`;
 * a client shared with the page's other elements; and a shadow root whose styles a strict policy lets pass.
 */
export class HermodrElement extends Base {
  static observedAttributes = ["api", "token", "locale", "theme"];
  /** @type {import("./clients.js").Shared | null} */
  #shared = null;
  /** @type {(() => void) | null} */
  #waiting = null;
  /** @type {(() => string | Promise<string>) | null} */
  #getToken = null;
  /** @type {Partial<import("./words.js").Words>} */
  #labels = {};
  #planned = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #missing;
  /** Ends what hears the client. */
  heard = new AbortController();
  /** Said aloud by screen readers. */
  spoken = h("div", { class: "hidden", role: "status" });
  locale = new Locale("en");
  /** @type {Record<string, string>} */
  #typeNames = {};

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    if (sheet === undefined) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(SHEET);
    }
    root.adoptedStyleSheets = [sheet];
  }

  /** @returns {import("./client.js").InboxClient | null} for calls of your own; null: not connected */
  get client() {
    return this.#shared?.client ?? null;
  }

  get getToken() {
    return this.#getToken;
  }

  /** Gives a token, and another one when that has ended. */
  set getToken(getToken) {
    this.#getToken = getToken;
    this.#plan();
  }

  get labels() {
    return this.#labels;
  }

  /** Words instead of ours, by their names in `words.js`. */
  set labels(labels) {
    this.#labels = labels;
    this.#plan();
  }

  get typeNames() {
    return this.#typeNames;
  }

  /** What types of notifications and tasks are called, by type. */
  set typeNames(typeNames) {
    this.#typeNames = typeNames;
    this.#plan();
  }

  connectedCallback() {
    for (const name of ["getToken", "labels", "typeNames"]) this.#upgrade(name);
    this.#begin();
  }

  disconnectedCallback() {
    this.#end();
  }

  /** @param {string} name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(name, before, after) {
    if (before === after || name === "theme") return;
    this.#plan();
  }

  /** @param {string} type @param {any} detail @returns {boolean} false: somebody prevented what is done by default */
  tell(type, detail) {
    return this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true, cancelable: true }));
  }

  /** @param {string} text for screen readers */
  say(text) {
    this.spoken.textContent = "";
    setTimeout(() => (this.spoken.textContent = text), 50); // the same words twice are said twice
  }

  /** Shows everything anew; there is a client, or none. */
  begin() {}

  /** Ends what `begin` began. */
  end() {}

  /** Listens to the client. @param {string} type @param {(detail: any) => void} listener */
  hear(type, listener) {
    const { signal } = this.heard;
    this.client?.addEventListener(type, (event) => listener(/** @type {any} */ (event).detail), { signal });
  }

  /** Several changes of a moment are one. */
  #plan() {
    if (this.#planned || !this.isConnected) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      if (!this.isConnected) return;
      const before = this.#shared;
      const next = this.#take();
      if (before !== null) leave(before);
      if (next !== before || next === null || this.#isOtherLocale()) {
        this.#stop();
        this.#start();
      }
    });
  }

  #isOtherLocale() {
    const { tag, words } = this.#locale();
    return tag !== this.locale.tag || Object.entries(words).some(([name, word]) => this.locale.words[name] !== word);
  }

  #begin() {
    this.#take();
    this.#start();
  }

  #end() {
    this.#stop();
    if (this.#shared !== null) leave(this.#shared);
    this.#shared = null;
  }

  #take() {
    const asked = {
      api: this.getAttribute("api"),
      token: this.getAttribute("token"),
      getToken: this.#getToken,
      background: this.hasAttribute("background"),
    };
    return (this.#shared = take(asked));
  }

  #start() {
    this.heard = new AbortController();
    this.locale = this.#locale();
    if (this.#shared === null) {
      this.#waiting = whenThere(() => this.#plan());
      this.#missing = setTimeout(() => this.#tellMissing(), PATIENCE_MS);
    }
    this.begin();
  }

  #stop() {
    this.#waiting?.();
    this.#waiting = null;
    clearTimeout(this.#missing);
    this.heard.abort();
    this.end();
  }

  /** For whoever builds the page: nothing else says why there is nothing. */
  #tellMissing() {
    const what = this.hasAttribute("api")
      ? "no token: set the attribute token, or the property getToken"
      : "no api: set the attribute api, and token or getToken; or have another element of the page with them";
    console.warn(`<${this.localName}> is not connected, it has ${what}.`);
  }

  #locale() {
    const around = /** @type {HTMLElement | null} */ (this.closest("[lang]"))?.lang;
    return new Locale(this.getAttribute("locale") || around || navigator.language || "en", this.#labels);
  }

  /** A property that was set before the element was defined. @param {string} name */
  #upgrade(name) {
    if (!Object.hasOwn(this, name)) return;
    const self = /** @type {any} */ (this);
    const value = self[name];
    delete self[name];
    self[name] = value;
  }
}
