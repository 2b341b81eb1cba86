// Shows times in the zone of whoever looks. Pages are made in UTC, and stay so without this script, or by the button in
// the footer. Fields for times are in the shown zone, too; what is sent is UTC.
const KEPT = "hermodr-times";
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const ABROAD = !/^(Etc\/)?(UTC|UCT|GMT|Zulu|Universal|Greenwich)/.test(ZONE);
const SAID = /(\d{4}-\d\d-\d\d) (\d\d:\d\d(?::\d\d)?) UTC/g;
const button = document.getElementById("zone");
const local = () => ABROAD && localStorage.getItem(KEPT) !== "utc";
const two = (number) => String(number).padStart(2, "0");

function clock(at) {
  const day = `${String(at.getFullYear()).padStart(4, "0")}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

function named(at) { // "2026-11-30 10:00:00 GMT+1"
  const parts = new Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts(at);
  return `${clock(at)} ${parts.find((each) => each.type === "timeZoneName").value}`;
}

const told = (text) => text.replace(SAID, (_, day, time) => named(new Date(`${day}T${time}Z`)));

function change(node, text) {
  if (text !== node.nodeValue) node.nodeValue = text;
}

function translate(within) {
  for (const each of within.querySelectorAll("time.moment")) {
    const utc = each.firstChild;
    if (each.title) continue; // is translated
    const fine = each.classList.contains("fine"); // to the millisecond, the day in the title of what it is in
    each.title = fine ? each.parentElement.title : `${utc.nodeValue} UTC`;
    const at = new Date(each.dateTime), zone = each.nextSibling;
    if (zone?.nodeType === Node.TEXT_NODE) change(zone, zone.nodeValue.replace(/^ UTC/, named(at).slice(clock(at).length)));
    change(utc, fine ? clock(at).slice(11) + utc.nodeValue.slice(8) : each.classList.contains("minute") ? clock(at).slice(11, 16) : clock(at));
  }
  for (const each of within.querySelectorAll("th, dt")) {
    for (const node of each.childNodes) {
      if (node.nodeType === Node.TEXT_NODE) change(node, node.nodeValue.replace(/\(UTC\)/i, "(local)"));
    }
  }
  for (const each of within.querySelectorAll(".story .says, svg title")) {
    if (each.firstChild) change(each.firstChild, told(each.firstChild.nodeValue));
  }
  for (const each of within.querySelectorAll("[data-zone]")) change(each.firstChild, ZONE);
  for (const each of within.querySelectorAll(".when[title$='UTC']")) each.title = told(each.title);
}

// A field in UTC goes on under its name, unseen; the one that is typed into is beside it.
function fields() {
  for (const seen of document.querySelectorAll("main input[type=datetime-local][name]")) {
    const label = [...(seen.labels[0]?.childNodes ?? [])].find((each) => each.nodeValue?.includes("(UTC)"));
    if (!label || seen.closest("#live")) continue;
    label.nodeValue = label.nodeValue.replace("(UTC)", "(local)");
    const sent = document.createElement("input");
    Object.assign(sent, { type: "hidden", name: seen.name, value: seen.value });
    seen.removeAttribute("name");
    seen.after(sent);
    if (seen.value) seen.value = clock(new Date(`${seen.value}Z`)).replace(" ", "T").slice(0, seen.value.length);
    seen.addEventListener("input", () => {
      sent.value = seen.value && new Date(seen.value).toISOString().slice(0, seen.value.length);
    });
  }
}

function show() {
  if (local()) translate(document.getElementById("main"));
  button.textContent = `Times: ${local() ? ZONE : "UTC"}`;
}

if (ABROAD) {
  button.hidden = false;
  button.addEventListener("click", () => {
    localStorage.setItem(KEPT, local() ? "utc" : "local");
    location.reload();
  });
  document.addEventListener("htmx:after:swap", show);
  if (local()) fields();
  show();
}
