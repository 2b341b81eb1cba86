// A receiver of webhooks, and what came there. A webhook is hostile input: everything of it enters the page as text.
import { byId, call, element, timeOf } from "./dom.js";

const MOST = 200;
const state = { name: null, shown: "", open: new Set() };
const SIGNATURES = { valid: "✓ signature valid", invalid: "✕ signature invalid", unknown: "signature not checked" };

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
      element("pre", { tabindex: "0" }, content === null ? hook.body : JSON.stringify(content, null, 2)),
      element("dl", {}, ...Object.entries(hook.headers).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]))));
  made.open = state.open.has(hook.id);
  made.addEventListener("toggle", () => { if (made.open) state.open.add(hook.id); else state.open.delete(hook.id); });
  return element("li", { id: `hook-${hook.id}` }, made);
}

function cards(hooks) {
  const byMessage = new Map();
  for (const hook of [...hooks].reverse()) byMessage.set(hook.webhook_id, [...(byMessage.get(hook.webhook_id) ?? []), hook.id]);
  return hooks.map((hook) => {
    const same = hook.webhook_id ? byMessage.get(hook.webhook_id) : [hook.id];
    return card(hook, same.indexOf(hook.id) + 1, same.length);
  });
}

async function look() {
  const { name } = state;
  const query = new URLSearchParams({ name, limit: MOST });
  const hooks = (await (await call(`/v1/hooks?${query}`)).json()).data;
  const fresh = `${name} ${JSON.stringify(hooks)}`;
  if (state.name !== name || fresh === state.shown) return;
  state.shown = fresh;
  const messages = new Set(hooks.map((hook) => hook.webhook_id ?? hook.id)).size;
  byId("receiver-name").textContent = `/hooks/${name}`;
  byId("sum").textContent = `${messages} ${messages === 1 ? "message" : "messages"} in ${hooks.length} ${hooks.length === 1 ? "attempt" : "attempts"}`;
  byId("cards").replaceChildren(...cards(hooks));
}

export async function openHook(message, still) {
  state.name = message.to[0].replace(/^\/hooks\//, "");
  const chosen = message.id.split("-")[1];
  state.open = new Set([chosen]);
  state.shown = "";
  await look();
  if (!still()) return;
  byId("board").hidden = false;
  byId(`hook-${chosen}`)?.scrollIntoView({ block: "nearest" });
}

// More attempts, and what was answered.
export async function followHook() {
  await look();
}

export function closeHook() {
  state.name = null;
  byId("board").hidden = true;
  byId("secret-told").textContent = "";
}

byId("secret").addEventListener("submit", async (event) => {
  event.preventDefault();
  const secrets = byId("given").value.split(/\s+/).filter(Boolean);
  if (!secrets.length || !state.name) return;
  try {
    await call(`/v1/hooks/${encodeURIComponent(state.name)}/secrets`, { method: "PUT", body: JSON.stringify({ secrets }) });
    byId("secret-told").textContent = "Further webhooks are checked with it.";
    byId("given").value = "";
  } catch (error) {
    byId("secret-told").textContent = error.message;
  }
});
