import { h, raise } from "./dom.js";

/** @typedef {{ label: string, sure?: string, chosen: () => void }} Choice  `sure`: what it says when it asks once more */

/** One menu for all rows: opened at a button, moved in by arrows, closed by Escape or a look elsewhere. */
export class Menu {
  element = h("div", { role: "menu", part: "menu", popover: "manual", hidden: true });
  /** @type {HTMLButtonElement | null} */
  #opener = null;

  constructor() {
    this.element.addEventListener("keydown", (event) => this.#pressed(event));
    this.element.addEventListener("focusout", (event) => {
      const next = /** @type {Node | null} */ (event.relatedTarget);
      if (next !== null && !this.element.contains(next) && next !== this.#opener) this.close(false);
    });
  }

  /** @param {HTMLButtonElement} opener @param {Choice[]} choices @param {string} label */
  open(opener, choices, label) {
    if (this.#opener === opener) return this.close();
    this.close(false);
    this.#opener = opener;
    opener.setAttribute("aria-expanded", "true");
    this.element.setAttribute("aria-label", label);
    this.element.replaceChildren(...choices.map((each) => this.#item(each)));
    raise(this.element, true);
    this.#place(opener);
    /** @type {HTMLElement} */ (this.element.firstElementChild).focus();
  }

  /** @param {boolean} [back] whether the button has the focus again */
  close(back = true) {
    const opener = this.#opener;
    if (opener === null) return;
    this.#opener = null;
    raise(this.element, false);
    opener.setAttribute("aria-expanded", "false");
    if (back) opener.focus();
  }

  /** Whether it is open and the event is none of its own. @param {Event} event */
  isLeftBy(event) {
    const path = event.composedPath();
    return this.#opener !== null && !path.includes(this.element) && !path.includes(this.#opener);
  }

  /** @param {Choice} choice */
  #item(choice) {
    let sure = choice.sure === undefined;
    const chosen = () => {
      if (sure) {
        this.close();
        choice.chosen();
      } else {
        sure = true;
        item.textContent = choice.sure ?? "";
        item.classList.add("danger");
      }
    };
    const item = h("button", { type: "button", role: "menuitem", tabindex: "-1", part: "menu-item", onclick: chosen }, choice.label);
    return item;
  }

  /** @param {HTMLElement} opener */
  #place(opener) {
    const at = opener.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const rightToLeft = getComputedStyle(this.element).direction === "rtl";
    const left = rightToLeft ? at.left : at.right - width;
    const below = at.bottom + height + 8 < innerHeight;
    const { style } = this.element;
    style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
    style.top = `${Math.max(8, below ? at.bottom + 4 : at.top - height - 4)}px`;
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const items = /** @type {HTMLElement[]} */ ([...this.element.children]);
    const at = items.indexOf(/** @type {HTMLElement} */ (event.target));
    const places = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 };
    const place = places[/** @type {keyof typeof places} */ (event.key)];
    if (place !== undefined) items[place % items.length]?.focus();
    else if (event.key === "Escape" || event.key === "Tab") this.close();
    else return;
    if (event.key !== "Tab") event.preventDefault();
    event.stopPropagation();
  }
}
