// Moves by keys. Everything works without it.
const menu = document.getElementById("menu");
const opens = document.getElementById("open-menu");
const narrow = matchMedia("(max-width: 40rem)");
function fold(closed) {
  opens.hidden = !narrow.matches;
  opens.setAttribute("aria-expanded", String(!closed));
  menu.classList.toggle("closed", closed);
}
opens.addEventListener("click", () => fold(!menu.classList.contains("closed")));
narrow.addEventListener("change", () => fold(narrow.matches));
fold(narrow.matches);

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
  const page = going && document.querySelector(`#menu a[data-letter="${CSS.escape(event.key)}"]`);
  if (page) location.href = page.href;
  else if (event.key === "g") gone = Date.now();
  else if (event.key === "/") document.getElementById("find").focus();
  else if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "?") document.getElementById("keys").showModal();
  else return;
  event.preventDefault();
});

// What scrolls sideways on a narrow screen can be scrolled by keys, too.
function reachable() {
  for (const each of document.querySelectorAll(".card, table.rows")) {
    if (each.scrollWidth > each.clientWidth && !each.querySelector("a, button, input, select, textarea, summary")) {
      each.tabIndex = 0;
    }
  }
}
reachable();
addEventListener("resize", reachable);
document.addEventListener("htmx:after:swap", reachable);

// A colour is chosen beside the field that it is typed into, which may be empty.
for (const chooser of document.querySelectorAll("input[type=color][data-for]")) {
  const field = document.getElementById(chooser.dataset.for);
  const follow = () => { if (/^#[0-9a-f]{6}$/i.test(field.value)) chooser.value = field.value; };
  chooser.hidden = false;
  chooser.addEventListener("input", () => { field.value = chooser.value; });
  field.addEventListener("input", follow);
  follow();
}
