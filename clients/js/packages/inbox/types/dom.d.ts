/**
 * An element. What is `undefined`, `null` or `false` is left out; `onclick` and the like are listened to. Children that
 * are strings become text, whoever wrote them.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} [attributes]
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, attributes?: Record<string, string | number | boolean | null | undefined | ((event: any) => void)>, ...children: (Node | string | null | undefined)[]): HTMLElementTagNameMap[Tag];
/** @typedef {keyof typeof PATHS} Icon */
/** @param {Icon} name */
export function icon(name: Icon): SVGSVGElement;
/** A button that is only a picture. @param {Icon} name @param {string} label @param {(event: MouseEvent) => void} onclick */
export function iconButton(name: Icon, label: string, onclick: (event: MouseEvent) => void, part?: string): HTMLButtonElement;
/** @param {Icon} name @param {HTMLButtonElement} button @param {string} label */
export function relabel(button: HTMLButtonElement, name: Icon, label: string): void;
/** The address if it may be followed: http or https, others (`javascript:`) are none. @param {unknown} value */
export function safeLink(value: unknown): URL | null;
/** Shows an element above all others, however the page stacks and clips. @param {HTMLElement} element @param {boolean} shown */
export function raise(element: HTMLElement, shown: boolean): void;
export type Icon = keyof typeof PATHS;
declare namespace PATHS {
    let bell: string;
    let check: string;
    let checks: string;
    let dot: string;
    let archive: string;
    let unarchive: string;
    let more: string;
    let settings: string;
    let back: string;
    let close: string;
}
export {};
