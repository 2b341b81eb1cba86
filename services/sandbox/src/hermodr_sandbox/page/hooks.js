// Receivers and their webhooks. A webhook is hostile input: everything of it enters the page as text.
import { call, element } from "./dom.js";

const EVERY_MS = 1500;
const byId = (id) => document.getElementById(id);
const state = { receivers: new Map(), selected: null, shown: "", open: new Set() };
const SIGNATURES = { valid: "✓ signature valid", invalid: "✕ signature invalid", unknown: "signature not checked" };

const timeOf = (stamp) => new Date(stamp).toLocaleTimeString([], { hour12: false });

function parsed(body) {
  try { return JSON.parse(body); } catch { return null; }
}

function eventOf(hook) {
  const type = parsed(hook.body)?.type;
  return typeof type === "string" ? type : "(no type)";
}

function answered(hook) {
  if (hook.status === null) return element("span", { class: "badge bad" }, "no answer");
  return element("span", { class: hook.status < 300 ? "badge" : "badge bad" }, `answered ${hook.status}`);
}

function card(hook, attempt, attempts) {
  const content = parsed(hook.body);
  const made = element("details", { class: `card ${hook.signature}` },
    element("summary", {},
      element("span", { class: "event" }, eventOf(hook)),
      element("span", { class: `badge ${hook.signature}`, title: hook.why ?? "" }, SIGNATURES[hook.signature]),
      answered(hook),
      ...(attempts > 1 ? [element("span", { class: "badge" }, `attempt ${attempt} of ${attempts}`)] : []),
      element("span", { class: "when" }, timeOf(hook.at))),
    element("div", { class: "inside" },
      ...(hook.why ? [element("p", { class: "hint" }, hook.why)] : []),
      element("pre", {}, content === null ? hook.body : JSON.stringify(content, null, 2)),
      element("dl", {}, ...Object.entries(hook.headers).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]))));
  made.open = state.open.has(hook.id);
  made.addEventListener("toggle", () => { if (made.open) state.open.add(hook.id); else state.open.delete(hook.id); });
  return element("li", {}, made);
}

function cards(hooks) {
  const byMessage = new Map();
  for (const hook of [...hooks].reverse()) byMessage.set(hook.webhook_id, [...(byMessage.get(hook.webhook_id) ?? []), hook.id]);
  return hooks.map((hook) => {
    const same = hook.webhook_id ? byMessage.get(hook.webhook_id) : [hook.id];
    return card(hook, same.indexOf(hook.id) + 1, same.length);
  });
}

function entry(name, hooks) {
  const bad = hooks.filter((hook) => hook.signature === "invalid").length;
  const button = element("button", { type: "button", class: "item", "aria-pressed": String(name === state.selected) },
    element("div", { class: "row" }, element("span", { class: "who" }, name), element("span", { class: "faint" }, timeOf(hooks[0].at))),
    element("div", { class: "what" }, `${hooks.length} · last ${eventOf(hooks[0])}${bad ? ` · ${bad} invalid` : ""}`));
  button.addEventListener("click", () => { state.selected = name; draw(); });
  return element("li", {}, button);
}

function draw() {
  byId("no-hooks").hidden = state.receivers.size > 0;
  byId("receivers").replaceChildren(...[...state.receivers].map(([name, hooks]) => entry(name, hooks)));
  const hooks = state.receivers.get(state.selected);
  byId("receiver").hidden = !hooks;
  byId("cards").replaceChildren(...(hooks ? cards(hooks) : []));
  if (!hooks) return;
  const messages = new Set(hooks.map((hook) => hook.webhook_id ?? hook.id)).size;
  byId("whose").textContent = `/hooks/${state.selected}`;
  byId("sum").textContent = `${messages} ${messages === 1 ? "message" : "messages"} in ${hooks.length} ${hooks.length === 1 ? "attempt" : "attempts"}`;
}

async function look() {
  const found = (await (await call("/v1/hooks?limit=1000")).json()).data;
  const fresh = JSON.stringify(found);
  if (fresh === state.shown) return;
  state.shown = fresh;
  state.receivers = found.reduce((all, hook) => all.set(hook.name, [...(all.get(hook.name) ?? []), hook]), new Map());
  if (!state.receivers.has(state.selected)) state.selected = found.length ? found[0].name : null;
  draw();
}

byId("secret").addEventListener("submit", async (event) => {
  event.preventDefault();
  const secrets = byId("given").value.split(/\s+/).filter(Boolean);
  if (!secrets.length || !state.selected) return;
  try {
    await call(`/v1/hooks/${encodeURIComponent(state.selected)}/secrets`, { method: "PUT", body: JSON.stringify({ secrets }) });
    byId("told").textContent = "Further webhooks are checked with it.";
    byId("given").value = "";
  } catch (error) {
    byId("told").textContent = error.message;
  }
});

async function keepLooking() {
  try { await look(); } catch { byId("told").textContent = "The sandbox does not answer."; }
  setTimeout(keepLooking, EVERY_MS);
}
byId("example").textContent = `${location.origin}/hooks/orders`;
keepLooking();
