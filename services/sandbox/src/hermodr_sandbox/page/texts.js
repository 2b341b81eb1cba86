// Phones and their texts. A text is hostile input: everything of it enters the page as text.
import { call, element } from "./dom.js";

const EVERY_MS = 1500;
const byId = (id) => document.getElementById(id);
const state = { phones: new Map(), selected: null, shown: "" };

const timeOf = (stamp) => new Date(stamp).toLocaleTimeString([], { hour12: false });

const byWhatsApp = (text) => text.channel === "whatsapp";
const TICKS = { sent: "✓", delivered: "✓✓", read: "✓✓" };

function caption(text) {
  const parts = [timeOf(text.at)];
  if (byWhatsApp(text)) {
    if (text.inbound) return parts[0];
    parts.push(text.template ? `template ${text.template}` : "text", text.error ? `${text.status} ${text.error}` : `${text.status} ${TICKS[text.status] ?? ""}`.trim());
    return parts.join(" · ");
  }
  if (!text.inbound) parts.push(`${text.segments} ${text.segments === 1 ? "segment" : "segments"} ${text.encoding}`, text.error ? `${text.status} ${text.error}` : text.status, text.provider);
  return parts.join(" · ");
}

function bubble(text) {
  const kind = [text.inbound ? "inbound" : "", text.error ? "bad" : "", byWhatsApp(text) ? "whatsapp" : "", text.status === "read" ? "read" : ""].filter(Boolean).join(" ");
  return element("li", kind ? { class: kind } : {}, element("p", {}, text.body), element("small", {}, caption(text)));
}

function entry(phone, texts) {
  const button = element("button", { type: "button", class: "item", "aria-pressed": String(phone === state.selected) },
    element("div", { class: "row" }, element("span", { class: "who" }, phone), element("span", { class: "faint" }, timeOf(texts[0].at))),
    element("div", { class: "what" }, byWhatsApp(texts[0]) ? element("span", { class: "by" }, "WhatsApp") : "", texts[0].body));
  button.addEventListener("click", () => { state.selected = phone; state.shown = ""; draw(); });
  return element("li", {}, button);
}

function draw() {
  byId("no-texts").hidden = state.phones.size > 0;
  byId("phones").replaceChildren(...[...state.phones].map(([phone, texts]) => entry(phone, texts)));
  const texts = state.phones.get(state.selected);
  byId("phone").hidden = !texts;
  if (!texts) return;
  byId("whose").textContent = state.selected;
  byId("country").textContent = `${byWhatsApp(texts[0]) ? "WhatsApp" : "Text"} from ${texts[0].other}`;
  byId("phone").classList.toggle("whatsapp", byWhatsApp(texts[0]));
  byId("bubbles").replaceChildren(...[...texts].reverse().map(bubble));
  byId("bubbles").scrollTop = byId("bubbles").scrollHeight;
}

async function look() {
  const found = (await (await call("/v1/texts?limit=1000")).json()).data;
  const fresh = JSON.stringify(found);
  if (fresh === state.shown) return;
  state.shown = fresh;
  state.phones = Map.groupBy ? Map.groupBy(found, (text) => text.phone) : found.reduce((all, text) => all.set(text.phone, [...(all.get(text.phone) ?? []), text]), new Map());
  if (!state.phones.has(state.selected)) state.selected = found.length ? found[0].phone : null;
  draw();
}

byId("phones").addEventListener("click", async () => {
  const unread = (state.phones.get(state.selected) ?? []).filter((text) => byWhatsApp(text) && !text.inbound && text.status === "delivered");
  for (const text of unread) await call(`/v1/texts/${text.id}/read`, { method: "POST", body: "{}" });
  if (unread.length) await look();
});

byId("reply").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = byId("answer").value.trim();
  const last = (state.phones.get(state.selected) ?? []).find((text) => !text.inbound);
  if (!body || !last) return;
  try {
    const answer = await (await call(`/v1/texts/${last.id}/reply`, { method: "POST", body: JSON.stringify({ body }) })).json();
    byId("told").textContent = answer.taken ? "Hermodr has taken the answer." : "Nobody took the answer.";
    byId("answer").value = "";
    await look();
  } catch (error) {
    byId("told").textContent = error.message;
  }
});

async function keepLooking() {
  try { await look(); } catch { byId("told").textContent = "The sandbox does not answer."; }
  setTimeout(keepLooking, EVERY_MS);
}
keepLooking();
