// The inbox: one list of all that came, and what is selected in it. Messages are hostile input: all enters as text.
import { byId, call, element, timeOf } from "./dom.js";
import { openFaults, closeFaults, refreshFaults, tagExamples } from "./faults.js";
import { closeHook, followHook, openHook } from "./hooks.js";
import { closeInApp, followInApp, openInApp, whyNoInApp } from "./in_app.js";
import { closeMail, openMail, view } from "./mail.js";
import { closeText, followText, openText } from "./texts.js";
import { closeTimeline, followTimeline, openTimeline } from "./timeline.js";

const PAGE = 50;
const KEPT_ROWS = 500;
const FOLLOW_MS = 1500;
const WIDE = matchMedia("(min-width: 1200px)");
const CHANNELS = { "/mails": "email", "/texts": "sms", "/whatsapp": "whatsapp", "/webhooks": "webhook", "/in-app": "in_app" };
const NAMES = { email: "Mail", sms: "Text", whatsapp: "WhatsApp", webhook: "Webhook", in_app: "In app" };
const state = { rows: new Map(), messages: new Map(), order: [], selected: null, cursor: null, channel: CHANNELS[location.pathname] ?? "", query: "", seen: new Set(), generation: null, others: null, loads: 0, info: null, loaded: false, why: null };

const numberOf = (value) => value.toLocaleString("en");

// ---- list ----------------------------------------------------------------------------------------------------

const ofMail = (mail) => ({ id: `email-${mail.id}`, channel: "email", at: mail.received_at, to: mail.envelope_to, title: mail.subject, said: `from ${mail.from || mail.envelope_from || "<>"}`, bad: false, inbound: false });

function contentOf(message) {
  const { to } = message;
  const who = `${message.inbound ? "from " : ""}${to[0]}${to.length > 1 ? ` +${to.length - 1}` : ""}`;
  return [
    element("div", { class: "row" }, element("span", { class: "who", title: to.slice(0, 20).join(", ") }, who), element("span", { class: "faint" }, timeOf(message.at))),
    element("div", { class: "what" }, message.title || (message.channel === "email" ? "(no subject)" : "(empty)")),
    element("div", { class: "row faint" }, element("span", { class: message.bad ? "from bad" : "from" }, message.said), element("span", { class: `by ${message.channel}` }, NAMES[message.channel]))];
}

function rowOf(message, fresh) {
  const row = element("li", { role: "option", id: `message-${message.id}`, class: fresh ? "item fresh" : "item", "aria-selected": "false" }, ...contentOf(message));
  if (state.seen.has(message.id)) row.classList.add("seen");
  row.addEventListener("click", () => select(message.id));
  return row;
}

function show(messages, { atTop, fresh }) {
  const list = byId("messages");
  for (const message of messages) {
    const known = state.rows.get(message.id);
    if (known) {
      const before = state.messages.get(message.id);
      state.messages.set(message.id, message);
      if (before.said !== message.said) known.replaceChildren(...contentOf(message));
      continue;
    }
    const row = rowOf(message, fresh);
    state.rows.set(message.id, row);
    state.messages.set(message.id, message);
    const place = atTop ? placeOf(message) : state.order.length;
    list.insertBefore(row, list.children[place] ?? null);
    state.order.splice(place, 0, message.id);
  }
  if (atTop && state.order.length > KEPT_ROWS) {
    for (const last of state.order.splice(KEPT_ROWS)) {
      state.rows.get(last).remove();
      state.rows.delete(last);
      state.messages.delete(last);
    }
    state.cursor = cursorBelow();
  }
  byId("more").hidden = state.cursor === null;
  showEmptiness();
}

// Kinds are told of separately: a text may come after a mail that is newer.
function placeOf(message) {
  const place = state.order.findIndex((id) => Date.parse(state.messages.get(id).at) <= Date.parse(message.at));
  return place < 0 ? state.order.length : place;
}

// Where a page begins that follows on the rows that are there: below the lowest number of each kind.
function cursorBelow() {
  const lowest = { mails: 1e15 - 1, texts: 1e15 - 1, hooks: 1e15 - 1, inApp: 1e15 - 1 };
  for (const id of state.order) {
    const [channel, number] = id.split("-");
    const kind = { email: "mails", webhook: "hooks", in_app: "inApp" }[channel] ?? "texts";
    lowest[kind] = Math.min(lowest[kind], Number(number));
  }
  return `${lowest.mails}.${lowest.texts}.${lowest.hooks}.${lowest.inApp}`;
}

function showEmptiness() {
  if (!state.loaded) return; // nobody knows yet whether there is anything
  const nothing = state.order.length === 0;
  const vacant = nothing && !state.query && !state.channel;
  const why = state.channel === "in_app" ? state.why : null;
  byId("in-app-why").textContent = why ?? "";
  byId("in-app-why").hidden = why === null;
  byId("none-found").hidden = !nothing || vacant || (why !== null && !state.query);
  byId("none-found").textContent = state.query ? "Nothing matches this search." : NONE[state.channel]?.() ?? "";
  byId("how-to").hidden = !vacant || state.info === null;
  byId("empty").hidden = state.selected !== null;
  byId("empty-title").textContent = vacant ? "No message yet" : "Select a message";
  byId("empty-text").textContent = vacant ? "Mails, texts, WhatsApp messages and webhooks that are sent here are shown and go nowhere else." : "What it says, what became of it, and why it was sent appear here.";
  byId("main").classList.toggle("vacant", vacant && !state.selected);
}

const NONE = {
  email: () => "No mail yet.",
  sms: () => "No text yet. Texts that pretended providers take appear here and go nowhere else.",
  whatsapp: () => "No WhatsApp message yet. Those that pretended Meta takes appear here.",
  webhook: () => `No webhook yet. Make an endpoint with the URL ${location.origin}/hooks/orders, under any name: what is sent there appears here.`,
  in_app: () => "Nothing yet in the inboxes of the app's users. Notifications on the channel in_app appear here.",
};

function parameters() {
  const wanted = new URLSearchParams({ limit: PAGE });
  if (state.channel) wanted.set("channel", state.channel);
  if (state.query) wanted.set("q", state.query);
  return wanted;
}

async function load({ more = false } = {}) {
  const ticket = ++state.loads;
  const wanted = parameters();
  if (more && state.cursor) wanted.set("cursor", state.cursor);
  const page = await (await call(`/v1/messages?${wanted}`)).json();
  if (ticket !== state.loads) return;
  if (!more) { state.rows.clear(); state.messages.clear(); state.order = []; byId("messages").replaceChildren(); }
  state.cursor = page.next_cursor;
  state.loaded = true;
  show(page.data, { atTop: false, fresh: false });
  state.rows.get(state.selected)?.setAttribute("aria-selected", "true");
  byId("new-messages").hidden = true;
}

// What is new, and what became of what is there, without losing the place.
async function refresh() {
  const ticket = state.loads;
  const page = await (await call(`/v1/messages?${parameters()}`)).json();
  if (ticket !== state.loads) return;
  if (page.next_cursor !== null && page.data.length && !page.data.some((each) => state.rows.has(each.id))) { await load(); return; }
  show(page.data.reverse(), { atTop: true, fresh: true });
}

function go(path) {
  state.channel = CHANNELS[path] ?? "";
  for (const link of byId("places").children) {
    if (link.pathname === (path in CHANNELS ? path : "/")) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  return load();
}

// ---- reader --------------------------------------------------------------------------------------------------

const OPEN = { email: (message, still) => openMail(message.id.split("-")[1], still), sms: openText, whatsapp: openText, webhook: openHook, in_app: openInApp };
const FOLLOW = { sms: followText, whatsapp: followText, webhook: followHook, in_app: followInApp };

function closeAll() {
  for (const close of [closeMail, closeText, closeHook, closeInApp, closeTimeline]) close();
}

async function select(id, { focus = false } = {}) {
  state.rows.get(state.selected)?.setAttribute("aria-selected", "false");
  state.selected = id;
  const row = state.rows.get(id);
  if (row) {
    row.setAttribute("aria-selected", "true");
    row.classList.add("seen");
    if (focus) row.scrollIntoView({ block: "nearest" });
    byId("messages").setAttribute("aria-activedescendant", row.id);
  }
  state.seen.add(id);
  history.replaceState(null, "", `#${id}`);
  closeAll();
  byId("main").classList.add("reading");
  byId("main").classList.remove("vacant");
  byId("empty").hidden = true;
  byId("timeline").open = WIDE.matches;
  const still = () => state.selected === id;
  const channel = id.split("-")[0];
  try {
    const message = state.messages.get(id) ?? (channel === "email" ? { id } : await findMessage(id, channel));
    state.opened = message;
    await OPEN[channel](message, still);
    if (still()) await openTimeline(id, state.info?.console);
  } catch (error) {
    if (!still()) return;
    deselect();
    say(error.message);
  }
}

// One that is named by the address, and not in the list.
async function findMessage(id, channel) {
  const page = await (await call(`/v1/messages?channel=${channel}&limit=200`)).json();
  const found = page.data.find((each) => each.id === id);
  if (!found) throw new Error("This message is not among the newest.");
  return found;
}

async function follow() {
  if (state.selected !== null && !document.hidden) {
    const channel = state.selected.split("-")[0];
    if (state.opened?.id === state.selected) await FOLLOW[channel]?.(state.opened);
    await followTimeline(state.info?.console);
  }
}

// Nobody tells of in-app notifications: they are asked for while somebody looks. What is new is told by the stream.
async function followInboxes() {
  if (document.hidden) return;
  const why = await whyNoInApp();
  if (why === state.why) return;
  state.why = why;
  showEmptiness();
}

// Each by itself: an api that does not answer holds up its own things only.
async function keep(following) {
  try { await following(); } catch { /* the stream says whether the sandbox answers */ }
  setTimeout(keep, FOLLOW_MS, following);
}

function deselect() {
  state.rows.get(state.selected)?.setAttribute("aria-selected", "false");
  state.selected = state.opened = null;
  byId("messages").removeAttribute("aria-activedescendant");
  closeAll();
  byId("main").classList.remove("reading");
  history.replaceState(null, "", location.pathname);
  showEmptiness();
}

function say(text) {
  byId("new-messages").textContent = text;
  byId("new-messages").hidden = false;
}

// ---- live ----------------------------------------------------------------------------------------------------

function count(stats) {
  const total = stats.total + stats.texts + stats.webhooks + stats.in_app;
  byId("count-total").textContent = numberOf(total);
  byId("count-rate").textContent = numberOf(Math.round(stats.rate["1s"]));
  byId("count-fired").textContent = numberOf(stats.faults.fired + stats.faults.fired_by_address_tag);
  byId("faults-active").textContent = stats.faults.active;
  byId("faults-active").hidden = stats.faults.active === 0;
  document.title = total ? `(${numberOf(total)}) Hermodr sandbox` : "Hermodr sandbox";
  const cleared = state.generation !== null && stats.generation !== state.generation;
  state.generation = stats.generation;
  const others = `${stats.texts} ${stats.webhooks} ${stats.in_app}`;
  const came = state.others !== null && others !== state.others;
  state.others = others;
  if (cleared) { deselect(); load().catch((error) => say(error.message)); } else if (came) refreshNow();
  refreshFaults(stats.faults);
}

function live(on, text) {
  byId("live").className = `live ${on}`;
  byId("live").querySelector("b").textContent = text;
}

let searching = 0;
function searchSoon(delay) {
  clearTimeout(searching);
  searching = setTimeout(() => { load().catch((error) => say(error.message)); }, delay);
}

// At once, and again when it is known what became of it.
let again = 0;
function refreshNow() {
  refresh().catch((error) => say(error.message));
  clearTimeout(again);
  again = setTimeout(() => { refresh().catch((error) => say(error.message)); }, FOLLOW_MS);
}

function listen() {
  const stream = new EventSource("/v1/events");
  stream.addEventListener("open", () => { live("on", "live"); load().catch((error) => say(error.message)); });
  stream.addEventListener("error", () => { live("off", "reconnecting"); });
  stream.addEventListener("mail", (event) => {
    if (state.query) { searchSoon(600); return; }
    if (state.loaded && ["", "email"].includes(state.channel)) show([ofMail(JSON.parse(event.data))], { atTop: true, fresh: true });
  });
  stream.addEventListener("skipped", () => { searchSoon(600); });
  stream.addEventListener("stats", (event) => { count(JSON.parse(event.data)); });
  setInterval(async () => { // the rate falls back to 0 although nothing happens
    if (byId("count-rate").textContent !== "0" && !document.hidden) count(await (await call("/v1/stats")).json());
  }, 1500);
}

// ---- keys ----------------------------------------------------------------------------------------------------

function move(step) {
  if (!state.order.length) return;
  const at = state.order.indexOf(state.selected);
  const next = Math.max(0, Math.min(state.order.length - 1, at < 0 ? 0 : at + step));
  select(state.order[next], { focus: true });
}

const KEYS = {
  j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
  Home: () => move(-Infinity), End: () => move(Infinity),
  1: () => view("html"), 2: () => view("text"), 3: () => view("headers"), 4: () => view("source"), 5: () => view("checks"),
  "/": () => byId("search").focus(), f: () => (byId("faults").hidden ? openFaults() : closeFaults()),
  Escape: () => (byId("faults").hidden ? deselect() : closeFaults()),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const field = event.target.closest("input, textarea");
  if (field) {
    if (event.key === "Escape") { field.blur(); event.preventDefault(); }
    return;
  }
  if (event.target.closest("#view, #bubbles, pre") && event.key.startsWith("Arrow")) return;
  const tabs = event.target.closest("[role=tablist]");
  if (tabs && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
    const all = [...tabs.querySelectorAll("button:not(:disabled)")];
    const next = all[(all.indexOf(event.target) + (event.key === "ArrowRight" ? 1 : all.length - 1)) % all.length];
    next.focus();
    view(next.dataset.view);
    return;
  }
  const act = KEYS[event.key];
  if (act) { event.preventDefault(); act(); }
}

// ---- start ---------------------------------------------------------------------------------------------------

async function introduce() {
  const info = await (await call("/v1/info")).json();
  const { host, port } = info.smtp;
  byId("smtp-address").textContent = `${host}:${port}`;
  byId("dsn").textContent = `HERMODR_EMAIL_PROVIDERS=smtp://${host}:${port}`;
  byId("example").textContent = `printf 'Subject: Hello\\r\\n\\r\\nIt works.\\r\\n' |\n  curl smtp://${host}:${port} --mail-from me@example.org \\\n       --mail-rcpt you@example.org --upload-file -`;
  byId("tag-help").hidden = !info.address_tags;
  if (info.address_tags) {
    byId("tag-hint").textContent = "To make a delivery fail, put a tag in the address:";
    byId("tag-examples").replaceChildren(...tagExamples(4));
    byId("tag-list").replaceChildren(...tagExamples());
  } else {
    byId("tag-hint").textContent = "Address tags are switched off here.";
  }
  state.info = info;
  showEmptiness();
}

document.addEventListener("keydown", onKey);
byId("places").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", link.pathname);
  deselect();
  go(link.pathname).catch((error) => say(error.message));
});
addEventListener("popstate", () => { go(location.pathname).catch((error) => say(error.message)); });
byId("search").addEventListener("input", (event) => { state.query = event.target.value.trim(); searchSoon(150); });
byId("more").addEventListener("click", () => load({ more: true }).catch((error) => say(error.message)));
byId("back").addEventListener("click", deselect);
byId("clear").addEventListener("click", () => call("/v1/mails", { method: "DELETE" }).catch((error) => say(error.message)));
byId("open-faults").addEventListener("click", () => (byId("faults").hidden ? openFaults() : closeFaults()));

const asked = /^#(?:(email|sms|whatsapp|webhook|in_app)-)?(\d{1,15})$/.exec(location.hash);
go(location.pathname).catch((error) => say(error.message));
listen();
introduce().catch((error) => say(error.message)).then(() => asked && select(`${asked[1] ?? "email"}-${asked[2]}`));
keep(follow);
keep(followInboxes);
