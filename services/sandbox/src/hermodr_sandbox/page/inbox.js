// The inbox. A mail is hostile input: everything of it enters the page as text, HTML only inside a sandboxed frame.
import { call, element } from "./dom.js";
import { openFaults, closeFaults, refreshFaults, tagExamples } from "./faults.js";

const PAGE = 50;
const KEPT_ROWS = 500;
const byId = (id) => document.getElementById(id);
const state = { rows: new Map(), order: [], selected: null, detail: null, view: "html", cursor: null, query: "", seen: new Set(), generation: null, loads: 0, info: null, loaded: false };

const sizeOf = (octets) => octets < 1000 ? `${octets} B` : octets < 1e6 ? `${(octets / 1000).toFixed(1)} kB` : `${(octets / 1e6).toFixed(1)} MB`;
const numberOf = (value) => value.toLocaleString("en");

function timeOf(stamp) {
  const date = new Date(stamp);
  const today = date.toDateString() === new Date().toDateString();
  return today ? date.toLocaleTimeString([], { hour12: false }) : date.toLocaleString([], { dateStyle: "short", timeStyle: "short", hour12: false });
}

// ---- list ----------------------------------------------------------------------------------------------------

function rowOf(mail, fresh) {
  const to = mail.envelope_to;
  const who = to.length > 1 ? `${to[0]} +${to.length - 1}` : to[0];
  const row = element("li", { role: "option", id: `mail-${mail.id}`, class: fresh ? "item fresh" : "item", "aria-selected": "false" },
    element("div", { class: "row" }, element("span", { class: "who", title: to.slice(0, 20).join(", ") }, who), element("span", { class: "faint" }, timeOf(mail.received_at))),
    element("div", { class: "what" }, mail.subject || "(no subject)"),
    element("div", { class: "row faint" }, element("span", { class: "from" }, `from ${mail.from || mail.envelope_from || "<>"}`), element("span", {}, sizeOf(mail.size))));
  if (state.seen.has(mail.id)) row.classList.add("seen");
  row.addEventListener("click", () => select(mail.id));
  return row;
}

function show(mails, { atTop, fresh }) {
  const list = byId("mails");
  for (const mail of mails) {
    if (state.rows.has(mail.id)) continue;
    const row = rowOf(mail, fresh);
    state.rows.set(mail.id, row);
    if (atTop) { list.prepend(row); state.order.unshift(mail.id); } else { list.append(row); state.order.push(mail.id); }
  }
  while (atTop && state.order.length > KEPT_ROWS) {
    const last = state.order.pop();
    state.rows.get(last).remove();
    state.rows.delete(last);
    state.cursor = state.order[state.order.length - 1];
  }
  byId("more").hidden = state.cursor === null;
  showEmptiness();
}

function showEmptiness() {
  if (!state.loaded) return; // nobody knows yet whether there is anything
  const nothing = state.order.length === 0;
  byId("none-found").hidden = !(nothing && state.query);
  const vacant = nothing && !state.query;
  byId("how-to").hidden = !vacant || state.info === null;
  byId("empty").hidden = state.selected !== null;
  byId("empty-title").textContent = vacant ? "No mail yet" : "Select a mail";
  byId("empty-text").textContent = vacant ? "Everything sent to this SMTP server is shown here and goes nowhere else." : "Its HTML, text, headers and source appear here.";
  byId("main").classList.toggle("vacant", vacant && !state.selected);
}

async function load({ more = false } = {}) {
  const ticket = ++state.loads;
  const parameters = new URLSearchParams({ limit: PAGE });
  if (state.query) parameters.set("q", state.query);
  if (more && state.cursor) parameters.set("cursor", state.cursor);
  const page = await (await call(`/v1/mails?${parameters}`)).json();
  if (ticket !== state.loads) return;
  if (!more) { state.rows.clear(); state.order = []; byId("mails").replaceChildren(); }
  state.cursor = page.next_cursor;
  state.loaded = true;
  show(page.data, { atTop: false, fresh: false });
  const selected = state.rows.get(state.selected);
  if (selected) selected.setAttribute("aria-selected", "true");
  byId("new-mails").hidden = true;
}

// ---- reader --------------------------------------------------------------------------------------------------

async function select(id, { focus = false } = {}) {
  const before = state.rows.get(state.selected);
  if (before) before.setAttribute("aria-selected", "false");
  state.selected = id;
  const row = state.rows.get(id);
  if (row) {
    row.setAttribute("aria-selected", "true");
    row.classList.add("seen");
    if (focus) row.scrollIntoView({ block: "nearest" });
    byId("mails").setAttribute("aria-activedescendant", row.id);
  }
  state.seen.add(id);
  history.replaceState(null, "", `#${id}`);
  try {
    const detail = await (await call(`/v1/mails/${encodeURIComponent(id)}`)).json();
    if (state.selected === id) open(detail);
  } catch (error) {
    deselect();
    say(error.message);
  }
}

function open(detail) {
  state.detail = detail;
  byId("main").classList.add("reading");
  byId("main").classList.remove("vacant");
  byId("empty").hidden = true;
  byId("mail").hidden = false;
  byId("subject").textContent = detail.subject || "(no subject)";
  const secure = detail.client.tls ? " · TLS" : "";
  const facts = [["From", detail.from || "—"], ["To", detail.to || "—"], ["Envelope", `${detail.envelope_from || "<>"} → ${detail.envelope_to.join(", ")}`],
    ["Received", `${new Date(detail.received_at).toLocaleString([], { dateStyle: "medium", timeStyle: "medium", hour12: false })} · ${sizeOf(detail.size)}${secure}`]];
  byId("envelope").replaceChildren(...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  const links = detail.attachments.map((part) => element("a", { href: `/v1/mails/${detail.id}/attachments/${part.index}`, download: "" }, part.filename, element("small", {}, sizeOf(part.size))));
  showDecisions(detail);
  byId("attachments").replaceChildren(...links);
  byId("attachments").hidden = links.length === 0;
  byId("tab-html").disabled = detail.html === null;
  byId("tab-text").disabled = detail.text === null;
  const possible = (view) => (view !== "html" || detail.html !== null) && (view !== "text" || detail.text !== null);
  view([state.view, "html", "text", "headers"].find(possible), { remember: false });
}

// The job's id is the left side of its Message-ID; the console asks who looks.
const JOB = /^<?([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})@/;

function showDecisions(detail) {
  const job = JOB.exec(detail.message_id || "");
  const console = state.info && state.info.console;
  byId("decisions").hidden = !(job && console);
  if (job && console) byId("decisions").querySelector("a").href = `${console}/messages/${job[1]}`;
}

async function view(name, { remember = true } = {}) {
  const detail = state.detail;
  if (!detail || byId(`tab-${name}`).disabled) return;
  if (remember) state.view = name;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    tab.setAttribute("aria-selected", String(tab.dataset.view === name));
    tab.tabIndex = tab.dataset.view === name ? 0 : -1;
  }
  const panel = byId("view");
  panel.setAttribute("aria-labelledby", `tab-${name}`);
  if (name === "html") {
    panel.replaceChildren(framed(detail));
  } else if (name === "text") {
    panel.replaceChildren(element("pre", {}, detail.text));
  } else if (name === "headers") {
    const rows = detail.headers.map(([key, value]) => element("tr", {}, element("td", {}, key), element("td", {}, value)));
    panel.replaceChildren(rows.length ? element("table", {}, element("tbody", {}, ...rows)) : element("p", { class: "none" }, "This mail has no headers."));
  } else if (name === "checks") {
    panel.replaceChildren(element("p", { class: "none" }, "…"));
    const { data } = await (await call(`/v1/mails/${detail.id}/checks`)).json();
    if (state.detail === detail && byId("tab-checks").getAttribute("aria-selected") === "true") panel.replaceChildren(checksOf(data));
  } else {
    panel.replaceChildren(element("pre", {}, "…"));
    const source = await (await call(`/v1/mails/${detail.id}/source`)).text();
    if (state.detail === detail && byId("tab-source").getAttribute("aria-selected") === "true") panel.replaceChildren(element("pre", {}, source));
  }
}

// Pictures of other servers tell these who looks at the mail: they are loaded when asked for, and for this time only.
const PICTURES = /(?:src|srcset|background)\s*=\s*["']?\s*(?:https?:)?\/\/|url\(\s*["']?\s*(?:https?:)?\/\//i;

const LEVELS = { bad: "Wrong", warn: "Mind", good: "Good" };

function checksOf(found) {
  const rows = found.map((each) => element("li", { class: each.level },
    element("span", { class: "level" }, LEVELS[each.level]), element("div", {}, element("b", {}, each.title), element("p", {}, each.detail,
      ...(each.source ? [" ", element("a", { href: each.source, target: "_blank", rel: "noopener noreferrer" }, "Can I email")] : [])))));
  return element("ul", { class: "checks" }, ...rows);
}

// A mail as on a phone, and as in a dark room: for whom its own styles have something for that.
const looks = { phone: false, dark: false };

function lookButtons(frame, source) {
  const look = () => {
    frame.classList.toggle("phone", looks.phone);
    const wanted = source() + (looks.dark ? "&dark=true" : "");
    if (frame.getAttribute("src") !== wanted) frame.setAttribute("src", wanted);
  };
  look();
  return [["phone", "Phone width"], ["dark", "Dark"]].map(([name, label]) => {
    const button = element("button", { type: "button", class: "quiet", "aria-pressed": String(looks[name]) }, label);
    button.addEventListener("click", () => { looks[name] = !looks[name]; button.setAttribute("aria-pressed", String(looks[name])); look(); });
    return button;
  });
}

function framed(detail) {
  let source = `/v1/mails/${detail.id}/html?display=true`;
  const frame = element("iframe", { sandbox: "allow-popups allow-popups-to-escape-sandbox", referrerpolicy: "no-referrer", title: "HTML of the mail" });
  const tools = element("p", { class: "pictures" }, ...lookButtons(frame, () => source));
  if (!PICTURES.test(detail.html)) return element("div", { class: "framed" }, tools, frame);
  const button = element("button", { type: "button", id: "load-pictures" }, "Load pictures");
  const bar = element("p", { class: "pictures" }, "Pictures from other servers are not shown. ", button);
  button.addEventListener("click", () => { source += "&images=true"; frame.src = source + (looks.dark ? "&dark=true" : ""); bar.remove(); });
  return element("div", { class: "framed" }, tools, bar, frame);
}

function deselect() {
  const row = state.rows.get(state.selected);
  if (row) row.setAttribute("aria-selected", "false");
  state.selected = state.detail = null;
  byId("mail").hidden = true;
  byId("main").classList.remove("reading");
  history.replaceState(null, "", location.pathname);
  showEmptiness();
}

function say(text) {
  byId("new-mails").textContent = text;
  byId("new-mails").hidden = false;
}

// ---- live ----------------------------------------------------------------------------------------------------

function count(stats) {
  byId("count-total").textContent = numberOf(stats.total);
  byId("count-rate").textContent = numberOf(Math.round(stats.rate["1s"]));
  byId("count-fired").textContent = numberOf(stats.faults.fired + stats.faults.fired_by_address_tag);
  byId("faults-active").textContent = stats.faults.active;
  byId("faults-active").hidden = stats.faults.active === 0;
  document.title = stats.total ? `(${numberOf(stats.total)}) Hermodr sandbox` : "Hermodr sandbox";
  const cleared = state.generation !== null && stats.generation !== state.generation;
  state.generation = stats.generation;
  if (cleared) { deselect(); load(); }
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

function listen() {
  const stream = new EventSource("/v1/events");
  stream.addEventListener("open", () => { live("on", "live"); load().catch((error) => say(error.message)); });
  stream.addEventListener("error", () => { live("off", "reconnecting"); });
  stream.addEventListener("mail", (event) => {
    if (state.query) { searchSoon(600); return; }
    show([JSON.parse(event.data)], { atTop: true, fresh: true });
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
  if (event.target.closest("#view") && event.key.startsWith("Arrow")) return;
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
  if (state.detail) showDecisions(state.detail);
  showEmptiness();
}

document.addEventListener("keydown", onKey);
byId("search").addEventListener("input", (event) => { state.query = event.target.value.trim(); searchSoon(150); });
byId("more").addEventListener("click", () => load({ more: true }).catch((error) => say(error.message)));
byId("back").addEventListener("click", deselect);
byId("clear").addEventListener("click", () => call("/v1/mails", { method: "DELETE" }).catch((error) => say(error.message)));
byId("open-faults").addEventListener("click", () => (byId("faults").hidden ? openFaults() : closeFaults()));
for (const tab of document.querySelectorAll("[role=tab]")) tab.addEventListener("click", () => view(tab.dataset.view));

introduce().catch((error) => say(error.message));
listen();
const wanted = /^#(\d+)$/.exec(location.hash);
if (wanted) select(wanted[1]);
