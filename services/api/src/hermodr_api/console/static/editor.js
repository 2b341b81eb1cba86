// The editor of a template: shows what becomes of it while one types. Everything works without it.
const AFTER = 400;
const editor = document.getElementById("editor");
const frame = document.getElementById("mail");
const channel = document.getElementById("field-channel");
let asked;
let waits;
let unsaved = editor.dataset.unsaved === "yes";

function draw() {
  const page = frame.contentDocument;
  const { shown, html } = document.getElementById("made").dataset;
  frame.classList.toggle("stale", shown === undefined);
  const there = page?.readyState === "complete" && page.URL !== "about:blank"; // before, ours is the frame's policy
  if (shown === undefined || !there) return;
  frame.hidden = html === undefined;
  if (frame.hidden) return;
  frame.classList.toggle("knows-dark", html.includes("prefers-color-scheme"));
  const at = frame.contentWindow.scrollY;
  page.documentElement.innerHTML = html; // parsed there, under the policy of the frame
  frame.contentWindow.scrollTo(0, at);
}

async function preview() {
  asked?.abort();
  asked = new AbortController();
  try {
    const body = new URLSearchParams(new FormData(editor));
    const answer = await fetch(editor.dataset.preview, { method: "POST", body, signal: asked.signal });
    if (answer.redirected) return location.reload(); // the session is over
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!page.getElementById("made")) return;
    for (const each of page.querySelectorAll("[data-follows]")) document.getElementById(each.id)?.replaceWith(document.adoptNode(each));
    draw();
  } catch (error) {
    if (error.name !== "AbortError") document.getElementById("fresh").textContent = "not reached: the preview may be old";
  }
}

function fit() {
  for (const each of editor.querySelectorAll("[data-for]")) each.hidden = !each.dataset.for.split(" ").includes(channel.value);
}

editor.addEventListener("input", (event) => {
  if (event.target.name.startsWith("_") || event.target.name === "to") return;
  unsaved = true;
  clearTimeout(waits);
  waits = setTimeout(preview, AFTER);
});
editor.addEventListener("submit", (event) => {
  if (event.submitter?.formAction === new URL(editor.dataset.preview, location.href).href) {
    event.preventDefault();
    preview();
  } else unsaved = false;
});
addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});
document.addEventListener("click", (event) => {
  const spot = event.target.closest(".spot");
  const area = spot && document.getElementById(`field-${spot.dataset.field}`);
  if (!area) return;
  const lines = area.value.split("\n");
  const line = Number(spot.dataset.line) - 1;
  const start = lines.slice(0, line).reduce((sum, each) => sum + each.length + 1, 0) + Number(spot.dataset.column) - 1;
  area.focus();
  area.setSelectionRange(start, start);
  area.scrollTop = (area.scrollHeight * line) / lines.length - area.clientHeight / 2;
});
channel.addEventListener("change", fit);
frame.addEventListener("load", draw);
document.documentElement.classList.add("scripted");
fit();
if (editor.dataset.fresh === "yes") preview();
else draw();
