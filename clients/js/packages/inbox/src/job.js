import { HermodrElement } from "./base.js";
import { InboxError } from "./client.js";
import { h, safeLink } from "./dom.js";
import { spelled } from "./locale.js";

/** @typedef {import("./client.js").Job} Job */

const ENDED = new Set(["completed", "failed", "cancelled", "skipped"]);
const STATE_WORDS = { failed: "failedState" };

/**
 * `<hermodr-job job="01a2…" api="…" token="…">`: how a job of the user's fares, step by step, with its history and, for
 * what the user asked for, buttons to cancel and to try again (`readonly` leaves them out). Without `api` and `token` it
 * uses those of the page's `<hermodr-inbox>`. `label` is what it is called. Event: `hermodr:job` after each change.
 */
export class HermodrJob extends HermodrElement {
  static observedAttributes = [...HermodrElement.observedAttributes, "job", "label", "readonly"];
  /** @type {Job | null} */
  #job = null;
  #own = false;
  #stopping = false;
  #round = 0;
  /** @type {import("./client.js").TimelineEntry[]} */
  #history = [];
  #unfollow = () => {};
  #name = h("p", { class: "strong", part: "title", dir: "auto" });
  #state = h("span", { class: "state", part: "state" });
  #bar = h("div", { class: "bar", part: "bar" });
  #track = h("div", { class: "track", part: "track", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, this.#bar);
  #step = h("p", { class: "step", part: "step", dir: "auto" });
  #error = h("p", { class: "error", part: "error", dir: "auto" });
  #buttons = h("div", { class: "buttons", part: "actions" });
  #past = h("ol", { part: "history", hidden: true, id: "history" });
  #card = h("div", { class: "job", part: "job", role: "group" });

  constructor() {
    super();
    const head = h("div", { class: "headline" }, this.#name, this.#state);
    this.#card.append(head, this.#track, this.#step, this.#error, this.#buttons, this.#past);
    this.shadowRoot?.append(this.#card, this.spoken);
  }

  /** @override @param {string} name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(name, before, after) {
    super.attributeChangedCallback(name, before, after);
    if (before === after || !this.isConnected || this.client === null) return;
    if (name === "job") this.#follow();
    else if (name === "label" || name === "readonly") this.#draw();
  }

  /** @override */
  begin() {
    this.#card.lang = this.locale.tag;
    if (this.hasAttribute("locale")) this.#card.dir = this.locale.direction;
    else this.#card.removeAttribute("dir");
    this.hear("job", (told) => this.#told(told));
    this.hear("refetch", () => void this.#load());
    this.#follow();
  }

  /** @override */
  end() {
    this.#round++;
    this.#unfollow();
  }

  get #id() {
    return this.getAttribute("job") ?? "";
  }

  #follow() {
    this.#unfollow();
    this.#job = null;
    this.#stopping = false;
    this.#unfollow = this.client?.follow(this.#id) ?? (() => {});
    this.#message(this.client === null ? this.locale.words.stopped : this.locale.words.loading);
    if (this.client !== null && this.#id !== "") void this.#load();
  }

  async #load() {
    const { client } = this;
    const round = ++this.#round;
    if (client === null) return;
    try {
      const [{ job, task }, timeline] = await Promise.all([client.job(this.#id), client.timeline(this.#id)]);
      if (round !== this.#round) return;
      this.#job = job;
      this.#stopping = task?.stopping ?? false;
      this.#history = timeline.data;
      this.#own = timeline.data[0]?.detail["by"] === "user";
      this.#draw();
    } catch (error) {
      if (round === this.#round) this.#unreadable(error);
    }
  }

  /** @param {{job_id: string, status: string, progress?: import("./client.js").Progress | null, result?: any, error?: string | null}} told */
  #told(told) {
    const job = this.#job;
    if (told.job_id !== this.#id) return;
    if (job === null) return void this.#load();
    const turned = job.status !== told.status;
    this.#job = { ...job, ...told, id: job.id, progress: told.progress ?? job.progress };
    this.#draw();
    this.tell("hermodr:job", { job: this.#job });
    if (!turned) return;
    this.say(`${this.#name.textContent}: ${this.#state.textContent}`);
    void this.#load();
  }

  #draw() {
    const job = this.#job;
    if (job === null) return;
    const { words } = this.locale;
    const ended = ENDED.has(job.status);
    const type = job.type ?? job.kind;
    this.#name.textContent = this.getAttribute("label") || this.typeNames[type] || spelled(type);
    this.#card.setAttribute("aria-label", this.#name.textContent ?? "");
    const key = STATE_WORDS[/** @type {"failed"} */ (job.status)] ?? job.status;
    this.#state.textContent = this.#stopping && !ended ? words.stopping : (words[key] ?? spelled(job.status));
    this.#state.dataset["state"] = job.status;
    this.#state.hidden = false;
    this.#progressed(job, ended);
    this.#error.textContent = job.error ?? "";
    this.#error.hidden = !job.error;
    this.#offer(job, ended);
    this.#past.replaceChildren(...this.#history.map((each) => this.#entry(each)));
  }

  /** @param {Job} job @param {boolean} ended */
  #progressed(job, ended) {
    const { progress } = job;
    const part = job.status === "completed" ? 100 : (progress?.percentage ?? null);
    this.#track.hidden = ended ? part === null : job.status !== "processing" && progress === null;
    this.#track.setAttribute("aria-label", this.#name.textContent ?? "");
    this.#bar.classList.toggle("unknown", part === null && !ended);
    this.#bar.dataset["state"] = job.status;
    this.#bar.style.width = part === null ? "" : `${Math.max(0, Math.min(100, part))}%`;
    if (part === null) this.#track.removeAttribute("aria-valuenow");
    else this.#track.setAttribute("aria-valuenow", String(Math.round(part)));
    const { number } = this.locale;
    const steps = progress && progress.total ? this.locale.say("of", number.format(progress.current), number.format(progress.total)) : "";
    this.#step.textContent = ended ? "" : [steps, progress?.message].filter(Boolean).join(" · ");
    this.#step.hidden = this.#step.textContent === "";
  }

  /** @param {Job} job @param {boolean} ended */
  #offer(job, ended) {
    const { words } = this.locale;
    const mayChange = this.#own && !this.hasAttribute("readonly");
    const file = job.status === "completed" ? safeLink(job.result?.file_url) : null;
    const push = (/** @type {string} */ label, /** @type {() => void} */ onclick, part = "action") =>
      h("button", { type: "button", class: "push", part, onclick }, label);
    /** @type {HTMLElement[]} */
    const offered = [];
    if (file !== null) offered.push(h("a", { href: file.href, part: "result", rel: "noopener" }, this.locale.say("download", String(job.result.file_name ?? "")).trim()));
    if (mayChange && !ended && !this.#stopping) offered.push(push(words.cancel, () => void this.#change("cancelJob"), "cancel"));
    if (mayChange && (job.status === "failed" || job.status === "cancelled")) offered.push(push(words.again, () => void this.#change("retryJob"), "retry"));
    const history = push(words.history, () => this.#unfold(history), "history-toggle");
    history.setAttribute("aria-expanded", String(!this.#past.hidden));
    history.setAttribute("aria-controls", "history");
    offered.push(history);
    this.#keepingFocus(() => this.#buttons.replaceChildren(...offered));
  }

  /** Buttons are made anew with each step: the one with the focus keeps it. @param {() => void} change */
  #keepingFocus(change) {
    const part = this.shadowRoot?.activeElement?.getAttribute("part");
    change();
    if (!part || this.#buttons.contains(this.shadowRoot?.activeElement ?? null)) return;
    const same = [...this.#buttons.children].find((each) => each.getAttribute("part") === part);
    /** @type {HTMLElement | undefined} */ (same ?? this.#buttons.children[0])?.focus();
  }

  /** @param {HTMLButtonElement} button */
  #unfold(button) {
    this.#past.hidden = !this.#past.hidden;
    button.setAttribute("aria-expanded", String(!this.#past.hidden));
  }

  /** @param {import("./client.js").TimelineEntry} each */
  #entry(each) {
    const { words } = this.locale;
    const key = STATE_WORDS[/** @type {"failed"} */ (each.event)] ?? each.event;
    const why = each.detail["error"] ?? each.detail["reason"] ?? "";
    return h(
      "li",
      {},
      h("span", { class: "strong" }, words[key] ?? spelled(each.event)),
      " ",
      h("time", { datetime: each.at }, this.locale.moment(each.at)),
      why ? h("p", { class: "step", dir: "auto" }, String(why)) : null,
    );
  }

  /** @param {"cancelJob" | "retryJob"} call */
  async #change(call) {
    const { client } = this;
    if (client === null) return;
    try {
      const { status } = await client[call](this.#id);
      this.#stopping = call === "cancelJob" && status === "processing";
      await this.#load();
    } catch (error) {
      this.#error.textContent = error instanceof InboxError && error.status > 0 ? error.message : this.locale.words.notDone;
      this.#error.hidden = false;
      this.say(this.#error.textContent ?? "");
    }
  }

  /** @param {unknown} error */
  #unreadable(error) {
    const { words } = this.locale;
    const status = error instanceof InboxError ? error.status : 0;
    if (this.#job !== null && status === 0) return; // what is shown holds until there is a connection again
    if (status === 404 || status === 422) return this.#message(words.noJob);
    const again = h("button", { type: "button", class: "push", part: "action", onclick: () => void this.#load() }, words.again);
    this.#message(status === 401 ? words.unauthorized : words.failed, again);
  }

  /** Instead of a job. @param {string} text @param {Node} [button] */
  #message(text, button) {
    this.#name.textContent = this.getAttribute("label") || text;
    this.#step.textContent = this.getAttribute("label") ? text : "";
    this.#step.hidden = this.#step.textContent === "";
    for (const each of [this.#state, this.#track, this.#error, this.#past]) each.hidden = true;
    this.#buttons.replaceChildren(...(button ? [button] : []));
    this.#card.setAttribute("aria-label", this.#name.textContent ?? "");
  }
}
