// One notification of an in-app inbox, as the person's app would show it. All of it enters the page as text.
import { byId, call, element, timeOf } from "./dom.js";

const state = { id: null, shown: "" };

// Only http and https may be followed, as in <hermodr-inbox>.
function linkOf(data) {
  const given = data?.url;
  if (typeof given !== "string" || !URL.canParse(given)) return null;
  const url = new URL(given);
  return ["http:", "https:"].includes(url.protocol) ? url.href : null;
}

function statesOf(item) {
  if (item.deleted) return ["no longer in the inbox"];
  const away = item.snoozed_until !== null && Date.parse(item.snoozed_until) > Date.now();
  return [item.read ? "read" : "unread", ...(item.archived ? ["archived"] : []), ...(away ? [`snoozed until ${timeOf(item.snoozed_until)}`] : [])];
}

function fill(item) {
  byId("whose-inbox").textContent = item.name ? `Inbox of ${item.name} (${item.user_id})` : `Inbox of ${item.user_id}`;
  byId("item-states").replaceChildren(...statesOf(item).map((each) => element("span", { class: "badge" }, each)));
  byId("item").classList.toggle("unread", !item.read && !item.deleted);
  byId("item-title").textContent = item.title;
  byId("item-title").hidden = !item.title;
  byId("item-message").textContent = item.message;
  byId("item-when").textContent = `${timeOf(item.at)}${item.type ? ` · ${item.type}` : ""}`;
  const link = linkOf(item.data);
  byId("item-link").hidden = link === null;
  const anchor = byId("item-link").querySelector("a");
  if (link === null) anchor.removeAttribute("href"); else anchor.href = link;
  anchor.textContent = link ?? "";
  const empty = item.data === null || (typeof item.data === "object" && !Object.keys(item.data).length);
  byId("item-data").hidden = empty;
  byId("item-data").querySelector("pre").textContent = empty ? "" : JSON.stringify(item.data, null, 2);
}

async function look() {
  const { id } = state;
  const item = await (await call(`/v1/in-app/${id.split("-")[1]}`)).json();
  const fresh = id + JSON.stringify([item, statesOf(item)]);
  if (state.id !== id || fresh === state.shown) return;
  state.shown = fresh;
  fill(item);
}

export async function openInApp(message, still) {
  Object.assign(state, { id: message.id, shown: "" });
  await look();
  if (still()) byId("screen").hidden = false;
}

// Whether it was read, archived, snoozed or deleted since.
export async function followInApp() {
  if (state.id !== null) await look();
}

export function closeInApp() {
  state.id = null;
  byId("screen").hidden = true;
  byId("item-data").open = false;
}

// Makes the sandbox ask the api what is new; why it cannot, if so.
export async function whyNoInApp() {
  return (await (await call("/v1/in-app")).json()).why;
}
