// Keeps pages fresh while somebody looks, and moves by keys. Everything works without it.
const EVERY = 2000;
const fresh = document.getElementById("fresh");
let failures = 0;

setInterval(() => {
  const busy = document.querySelector("dialog[open], details[open], #live form input:focus, #live select:focus");
  if (document.visibilityState === "visible" && !busy) document.body.dispatchEvent(new Event("live"));
}, EVERY);

document.addEventListener("htmx:after:request", (event) => {
  const response = event.detail?.ctx?.response;
  if (response?.raw?.redirected) location.reload(); // the session is over
  failures = 0;
  fresh.textContent = "";
});
document.addEventListener("htmx:error", () => {
  failures += 1;
  if (failures > 1) fresh.textContent = "not reached: what is shown may be old";
});

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});

const PAGES = {
  o: "", m: "/messages", r: "/recipients", e: "/templates", s: "/schedules", t: "/tasks", d: "/dead-letters",
  q: "/queues", p: "/providers",
};
let gone = 0;

function move(step) {
  const rows = [...document.querySelectorAll("a.row")];
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement);
  rows[Math.min(rows.length - 1, Math.max(0, at + step))].focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
  const going = Date.now() - gone < 1500;
  gone = 0;
  if (going && event.key in PAGES) location.href = "/console" + PAGES[event.key];
  else if (event.key === "g") gone = Date.now();
  else if (event.key === "/") document.getElementById("find").focus();
  else if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "?") document.getElementById("keys").showModal();
  else return;
  event.preventDefault();
});
