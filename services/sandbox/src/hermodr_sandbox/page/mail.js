// A mail opened. It is hostile input: everything of it enters the page as text, HTML only inside a sandboxed frame.
import { byId, call, element, sizeOf } from "./dom.js";

const state = { detail: null, view: "html" };

export function closeMail() {
  state.detail = null;
  byId("mail").hidden = true;
}

export async function openMail(number, still) {
  const detail = await (await call(`/v1/mails/${encodeURIComponent(number)}`)).json();
  if (still()) open(detail);
}

function open(detail) {
  state.detail = detail;
  byId("mail").hidden = false;
  byId("subject").textContent = detail.subject || "(no subject)";
  const secure = detail.client.tls ? " · TLS" : "";
  const facts = [["From", detail.from || "—"], ["To", detail.to || "—"], ["Envelope", `${detail.envelope_from || "<>"} → ${detail.envelope_to.join(", ")}`],
    ["Received", `${new Date(detail.received_at).toLocaleString([], { dateStyle: "medium", timeStyle: "medium", hour12: false })} · ${sizeOf(detail.size)}${secure}`]];
  byId("envelope").replaceChildren(...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
  const links = detail.attachments.map((part) => element("a", { href: `/v1/mails/${detail.id}/attachments/${part.index}`, download: "" }, part.filename, element("small", {}, sizeOf(part.size))));
  byId("attachments").replaceChildren(...links);
  byId("attachments").hidden = links.length === 0;
  byId("tab-html").disabled = detail.html === null;
  byId("tab-text").disabled = detail.text === null;
  const possible = (view) => (view !== "html" || detail.html !== null) && (view !== "text" || detail.text !== null);
  view([state.view, "html", "text", "headers"].find(possible), { remember: false });
}

export async function view(name, { remember = true } = {}) {
  const detail = state.detail;
  if (!detail || byId(`tab-${name}`).disabled) return;
  if (remember) state.view = name;
  for (const tab of document.querySelectorAll("#mail [role=tab]")) {
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

for (const tab of document.querySelectorAll("#mail [role=tab]")) tab.addEventListener("click", () => view(tab.dataset.view));
