import { h, iconButton, raise } from "./dom.js";

const SHOWN_MS = 6_000;
const MOST_TOASTS = 3;

/** Short messages in a corner. They vanish by themselves, but not under a pointer or while they have the focus. */
export class Toasts {
  element = h("div", { class: "toasts", part: "toasts", popover: "manual", hidden: true });

  /** @param {string} text @param {string} close the word @param {{label: string, done: () => void} | null} [action] @param {string} [more] */
  show(text, close, action = null, more = "") {
    const gone = () => {
      clearTimeout(timer);
      toast.remove();
      if (this.element.childElementCount === 0) raise(this.element, false);
    };
    const act = () => {
      gone();
      action?.done();
    };
    const toast = h(
      "div",
      { class: "toast", part: "toast" },
      h("div", { class: "text" }, h("p", { class: "strong", dir: "auto" }, text), more ? h("p", { dir: "auto", class: "clamped" }, more) : null),
      action && h("button", { type: "button", part: "toast-action", onclick: act }, action.label),
      iconButton("close", close, gone, "toast-close"),
    );
    let timer = setTimeout(gone, SHOWN_MS);
    const again = () => {
      clearTimeout(timer);
      timer = setTimeout(gone, SHOWN_MS);
    };
    for (const type of ["pointerenter", "focusin"]) toast.addEventListener(type, () => clearTimeout(timer));
    for (const type of ["pointerleave", "focusout"]) toast.addEventListener(type, again);
    this.element.append(toast);
    while (this.element.childElementCount > MOST_TOASTS) this.element.firstElementChild?.remove();
    raise(this.element, true);
  }
}
