/**
 * An element. What is `undefined`, `null` or `false` is left out; `onclick` and the like are listened to. Children that
 * are strings become text, whoever wrote them.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} [attributes]
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
  return element;
}

const PATHS = {
  bell: "M6 9a6 6 0 0 1 12 0c0 6 2.5 7 2.5 7h-17S6 15 6 9m4 11a2.2 2.2 0 0 0 4 0",
  check: "M4.5 12.5l5 5L20 7",
  checks: "M1.5 12.5l5 5L15 8m-3.5 7.5l2 2L23 8",
  dot: "M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 1 0 0-7",
  archive: "M3.5 4.5h17v4h-17zM5 8.5v11h14v-11M10 12.5h4",
  unarchive: "M3.5 4.5h17v4h-17zM5 8.5v11h14v-11M12 17v-5m-2.5 2L12 11.5l2.5 2.5",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  settings: "M4 7h9m5 0h2M4 17h2m5 0h9M15.5 4.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 1 0 0-5M8.5 14.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 1 0 0-5",
  back: "M14.5 5.5L8 12l6.5 6.5",
  close: "M6 6l12 12M18 6L6 18",
};
const SVG = "http://www.w3.org/2000/svg";

/** @typedef {keyof typeof PATHS} Icon */

/** @param {Icon} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  for (const [key, value] of [
    ["viewBox", "0 0 24 24"],
    ["aria-hidden", "true"],
    ["data-icon", name],
  ]) {
    svg.setAttribute(/** @type {string} */ (key), /** @type {string} */ (value));
  }
  svg.append(path);
  return svg;
}

/** A button that is only a picture. @param {Icon} name @param {string} label @param {(event: MouseEvent) => void} onclick */
export function iconButton(name, label, onclick, part = "action") {
  const button = h("button", { type: "button", class: "icon", part, "aria-label": label, title: label, onclick });
  button.append(icon(name));
  return button;
}

/** @param {Icon} name @param {HTMLButtonElement} button @param {string} label */
export function relabel(button, name, label) {
  button.replaceChildren(icon(name));
  button.setAttribute("aria-label", label);
  button.title = label;
}

/** The address if it may be followed: http or https, others (`javascript:`) are none. @param {unknown} value */
export function safeLink(value) {
  if (typeof value !== "string" || value === "") return null;
  try {
    const url = new URL(value, document.baseURI);
    return url.protocol === "https:" || url.protocol === "http:" ? url : null;
  } catch {
    return null; // not an address
  }
}

/** Shows an element above all others, however the page stacks and clips. @param {HTMLElement} element @param {boolean} shown */
export function raise(element, shown) {
  element.hidden = !shown;
  if (!element.isConnected || typeof element.showPopover !== "function") return;
  if (element.matches(":popover-open")) element.hidePopover();
  if (shown) element.showPopover();
}
