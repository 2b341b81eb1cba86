// A phone, with its texts, and what it answers. A text is hostile input: everything of it enters the page as text.
import { byId, call, element, timeOf } from "./dom.js";

const MOST = 200;
const state = { phone: null, texts: [], shown: "" };

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

function bubble(text, chosen) {
  const kind = [text.inbound ? "inbound" : "", text.error ? "bad" : "", byWhatsApp(text) ? "whatsapp" : "", text.status === "read" ? "read" : ""].filter(Boolean).join(" ");
  const attributes = { ...(kind ? { class: kind } : {}), ...(text.id === chosen ? { "aria-current": "true" } : {}) };
  return element("li", attributes, element("p", {}, text.body), element("small", {}, caption(text)));
}

async function look(chosen) {
  const { phone } = state;
  const query = new URLSearchParams({ to: phone, limit: MOST });
  const found = (await (await call(`/v1/texts?${query}`)).json()).data;
  const fresh = `${phone} ${chosen} ${JSON.stringify(found)}`;
  if (state.phone !== phone || fresh === state.shown) return;
  state.shown = fresh;
  state.texts = found;
  const one = found.find((text) => text.id === chosen) ?? found[0];
  if (!one) return;
  byId("whose").textContent = phone;
  byId("country").textContent = `${byWhatsApp(one) ? "WhatsApp" : "Text"} from ${one.other}`;
  byId("phone").classList.toggle("whatsapp", byWhatsApp(one));
  byId("bubbles").replaceChildren(...[...found].reverse().map((text) => bubble(text, chosen)));
  byId("bubbles").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
}

export async function openText(message, still) {
  state.phone = message.to[0];
  const chosen = message.id.split("-")[1];
  await look(chosen);
  if (!still()) return;
  byId("desk").hidden = false;
  byId("bubbles").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  const unread = state.texts.filter((text) => byWhatsApp(text) && !text.inbound && text.status === "delivered");
  for (const text of unread) await call(`/v1/texts/${text.id}/read`, { method: "POST", body: "{}" });
  if (unread.length && still()) await look(chosen);
}

// What became of it since: reports come later than the text.
export async function followText(message) {
  await look(message.id.split("-")[1]);
}

export function closeText() {
  state.phone = null;
  state.shown = "";
  byId("desk").hidden = true;
  byId("told").textContent = "";
}

byId("reply").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = byId("answer").value.trim();
  const whatsapp = byId("phone").classList.contains("whatsapp");
  const last = state.texts.find((text) => !text.inbound && byWhatsApp(text) === whatsapp);
  if (!body || !last) return;
  try {
    const answer = await (await call(`/v1/texts/${last.id}/reply`, { method: "POST", body: JSON.stringify({ body }) })).json();
    byId("told").textContent = answer.taken ? "Hermodr has taken the answer." : "Nobody took the answer.";
    byId("answer").value = "";
  } catch (error) {
    byId("told").textContent = error.message;
  }
});
