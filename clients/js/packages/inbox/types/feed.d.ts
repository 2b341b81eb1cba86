/**
 * The notifications of one view, kept as they are while they change; changes of one's own are shown at once and taken
 * back if they fail (they throw then). Fires `change`. Without any page: for elements of your own.
 */
export class Feed extends EventTarget {
    /** @param {import("./client.js").InboxClient} client */
    constructor(client: import("./client.js").InboxClient);
    /** @type {Notification[]} */
    items: Notification[];
    loading: boolean;
    /** @type {unknown} */
    error: unknown;
    get view(): View;
    get hasMore(): boolean;
    /** Ends it. */
    close(): void;
    /** @param {View} view */
    show(view: View): Promise<void>;
    /** Reads again what is shown. */
    reload(): Promise<void>;
    /** Reads the next page, if there is one. */
    more(): Promise<void>;
    /** @param {Notification} each @param {boolean} read */
    mark(each: Notification, read: boolean): Promise<void>;
    /** @param {Notification} each */
    archive(each: Notification): Promise<void>;
    /** @param {Notification} each */
    unarchive(each: Notification): Promise<void>;
    /** @param {Notification} each @param {Date | null} until */
    snooze(each: Notification, until: Date | null): Promise<void>;
    /** @param {Notification} each */
    delete(each: Notification): Promise<void>;
    readAll(): Promise<void>;
    #private;
}
export type View = "all" | "unread" | "archived" | "snoozed";
export type Notification = import("./client.js").Notification;
