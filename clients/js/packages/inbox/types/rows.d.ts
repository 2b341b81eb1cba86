/** What is shown instead of rows. @param {string} title @param {string} [more] @param {Node} [action] */
export function notice(title: string, more?: string, action?: Node): HTMLDivElement;
/** The list of notifications; rows stay the same elements while what they show changes, so that focus stays. */
export class Rows {
    /** @param {import("./locale.js").Locale} locale @param {string} linkKey name in `data` @param {Wanted} wanted */
    constructor(locale: import("./locale.js").Locale, linkKey: string, wanted: Wanted);
    list: HTMLUListElement;
    /** @param {Notification[]} items */
    show(items: Notification[]): void;
    /** Times grow. */
    refreshTimes(): void;
    #private;
}
export type Notification = import("./client.js").Notification;
/**
 * What a row asks for.
 */
export type Wanted = {
    open: (each: Notification, link: URL | null, event: MouseEvent) => void;
    toggleRead: (each: Notification) => void;
    toggleArchived: (each: Notification) => void;
    more: (each: Notification, button: HTMLButtonElement) => void;
};
