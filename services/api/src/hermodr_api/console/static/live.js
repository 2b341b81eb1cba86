// Keeps what a page shows fresh: the server says that something changed (GET /console/events), and #live is fetched
// again. Without that stream, and now and then for what nobody tells of, by asking. Everything works without it.
const SPACING = 500, FOLLOWING = 10_000, ASKING = 3000, TRY_AGAIN = 30_000;
const live = document.getElementById("live");
const follow = document.getElementById("follow");
const fresh = document.getElementById("fresh");
let stream = null, stale = false, fetching = false, failures = 0, asked = performance.now(), tried = -TRY_AGAIN;

const followed = () => live?.hasAttribute("hx-get") && sessionStorage.getItem("hermodr-paused") === null;
const looked = () => document.visibilityState === "visible";
const busy = () => document.querySelector("dialog[open], #live details[open], #live :is(input, select, textarea):focus");

function fetchAgain() {
  fetching = true;
  stale = false;
  asked = performance.now();
  document.body.dispatchEvent(new Event("live"));
}

function open() {
  tried = performance.now();
  stream = new EventSource("/console/events");
  stream.addEventListener("changed", () => { stale = true; });
  stream.addEventListener("over", () => location.reload());
  stream.addEventListener("open", show);
  stream.addEventListener("error", () => { // closed for good: refused, or nobody is logged in, which asking finds out
    if (stream?.readyState === EventSource.CLOSED) stream = null;
    show();
  });
}

function close() {
  stream?.close();
  stream = null;
}

function show() {
  const streaming = stream?.readyState === EventSource.OPEN;
  const word = !followed() ? "Paused" : failures > 1 ? "Not reached" : streaming ? "Live" : "Asking";
  if (follow.textContent !== word) follow.textContent = word;
  follow.dataset.look = !followed() ? "quiet" : failures > 1 ? "bad" : streaming ? "good" : "warn";
  follow.setAttribute("aria-pressed", String(followed()));
  fresh.textContent = failures > 1 ? "not reached: what is shown may be old" : "";
}

function tick() {
  if (!followed() || !looked()) close();
  else {
    if (stream === null && performance.now() - tried > TRY_AGAIN) open();
    const since = performance.now() - asked;
    const due = stale ? SPACING : stream?.readyState === EventSource.OPEN ? FOLLOWING : ASKING;
    if (since >= due && !fetching && !busy()) fetchAgain();
  }
  show();
}

document.addEventListener("htmx:after:request", (event) => {
  const response = event.detail?.ctx?.response;
  if (response?.raw?.redirected) location.href = response.raw.url; // to the login, or to what was searched for
  failures = response?.status >= 500 ? failures + 1 : 0;
});
document.addEventListener("htmx:error", () => { failures += 1; });
document.addEventListener("htmx:finally:request", () => { fetching = false; show(); });

if (live?.hasAttribute("hx-get")) {
  follow.hidden = false;
  follow.addEventListener("click", () => {
    if (followed()) sessionStorage.setItem("hermodr-paused", "yes");
    else sessionStorage.removeItem("hermodr-paused");
    tried = -TRY_AGAIN;
    stale = true;
    tick();
  });
  document.addEventListener("visibilitychange", () => { tried = -TRY_AGAIN; tick(); });
  setInterval(tick, 250);
  tick();
}
