// Why a message came: what happened to its job, as the api tells the sandbox. All of it enters the page as text.
import { byId, call, element, timeOf } from "./dom.js";

const ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;
// What only programs want to know.
const LEFT_OUT = new Set(["provider_message_id", "event_id", "started_at", "state", "at"]);
const BAD = /failed|bounced|blocked|complained|undelivered|unknown/;
const state = { id: null, ended: false, shown: "" };

const worded = (name) => name.replaceAll("_", " ");

function plain(value) {
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)) return timeOf(value);
  if (Array.isArray(value)) return value.map(plain).join(", ");
  if (value !== null && typeof value === "object") return Object.entries(value).filter(([, each]) => each !== null).map(([name, each]) => `${worded(name)} ${plain(each)}`).join(", ");
  return String(value);
}

function line(entry) {
  const facts = Object.entries(entry.detail).filter(([name, value]) => value !== null && value !== "" && !LEFT_OUT.has(name) && !ID.test(value))
    .map(([name, value]) => `${worded(name)} ${plain(value)}`).join(" · ");
  const bad = BAD.test(entry.event) || BAD.test(entry.detail.outcome ?? "");
  return element("li", bad ? { class: "bad" } : {}, element("span", { class: "faint" }, timeOf(entry.at)), element("b", {}, worded(entry.event)), ...(facts ? [element("small", {}, facts)] : []));
}

async function look(console) {
  const { id } = state;
  const told = await (await call(`/v1/messages/${id}/timeline`)).json();
  const fresh = id + JSON.stringify(told);
  if (state.id !== id || fresh === state.shown) return;
  state.shown = fresh;
  state.ended = told.why !== null; // reports come long after a job has ended, so only that ends it
  byId("status").hidden = !told.status;
  byId("status").textContent = told.status ? worded(told.status) : "";
  byId("events").replaceChildren(...told.data.map(line));
  byId("why-none").textContent = told.why ?? "";
  byId("why-none").hidden = told.why === null;
  const link = byId("decisions");
  link.hidden = !(told.job_id && console);
  if (!link.hidden) link.querySelector("a").href = `${console}/messages/${told.job_id}`;
  byId("timeline").hidden = false;
}

export function openTimeline(id, console) {
  Object.assign(state, { id, ended: false, shown: "" });
  return look(console);
}

export async function followTimeline(console) {
  if (state.id && !state.ended) await look(console);
}

export function closeTimeline() {
  state.id = null;
  byId("timeline").hidden = true;
}
