/**
 * What both elements have: attributes `api`, `token`, `locale`, `theme`; properties `getToken`, `labels`, `typeNames`;
 * a client shared with the page's other elements; and a shadow root whose styles a strict policy lets pass.
 */
export class HermodrElement extends HTMLElement {
    static observedAttributes: string[];
    /** Ends what hears the client. */
    heard: AbortController;
    /** Said aloud by screen readers. */
    spoken: HTMLDivElement;
    locale: Locale;
    /** @returns {import("./client.js").InboxClient | null} for calls of your own; null: not connected */
    get client(): import("./client.js").InboxClient | null;
    /** Gives a token, and another one when that has ended. */
    set getToken(getToken: (() => string | Promise<string>) | null);
    get getToken(): (() => string | Promise<string>) | null;
    /** Words instead of ours, by their names in `words.js`. */
    set labels(labels: Partial<{
        title: string;
        all: string;
        unread: string;
        archived: string;
        snoozed: string;
        readAll: string;
        settings: string;
        back: string;
        close: string;
        more: string;
        loadMore: string;
        show: string;
        whole: string;
        read: string;
        markUnread: string;
        archive: string;
        unarchive: string;
        hour: string;
        tomorrow: string;
        monday: string;
        unsnooze: string;
        delete: string;
        sure: string;
        undo: string;
        isArchived: string;
        isSnoozed: string;
        isDeleted: string;
        emptyAll: string;
        emptyAllMore: string;
        emptyUnread: string;
        emptyArchived: string;
        emptySnoozed: string;
        loading: string;
        failed: string;
        notDone: string;
        again: string;
        signedOut: string;
        stopped: string;
        connecting: string;
        live: string;
        polling: string;
        offline: string;
        paused: string;
        unauthorized: string;
        arrived: string;
        wishes: string;
        others: string;
        always: string;
        noWishes: string;
        email: string;
        sms: string;
        whatsapp: string;
        in_app: string;
        webhook: string;
        scheduled: string;
        queued: string;
        processing: string;
        retrying: string;
        completed: string;
        failedState: string;
        cancelled: string;
        skipped: string;
        stopping: string;
        cancel: string;
        history: string;
        download: string;
        of: string;
        noJob: string;
        requested: string;
        began: string;
        attempted: string;
    }>);
    get labels(): Partial<{
        title: string;
        all: string;
        unread: string;
        archived: string;
        snoozed: string;
        readAll: string;
        settings: string;
        back: string;
        close: string;
        more: string;
        loadMore: string;
        show: string;
        whole: string;
        read: string;
        markUnread: string;
        archive: string;
        unarchive: string;
        hour: string;
        tomorrow: string;
        monday: string;
        unsnooze: string;
        delete: string;
        sure: string;
        undo: string;
        isArchived: string;
        isSnoozed: string;
        isDeleted: string;
        emptyAll: string;
        emptyAllMore: string;
        emptyUnread: string;
        emptyArchived: string;
        emptySnoozed: string;
        loading: string;
        failed: string;
        notDone: string;
        again: string;
        signedOut: string;
        stopped: string;
        connecting: string;
        live: string;
        polling: string;
        offline: string;
        paused: string;
        unauthorized: string;
        arrived: string;
        wishes: string;
        others: string;
        always: string;
        noWishes: string;
        email: string;
        sms: string;
        whatsapp: string;
        in_app: string;
        webhook: string;
        scheduled: string;
        queued: string;
        processing: string;
        retrying: string;
        completed: string;
        failedState: string;
        cancelled: string;
        skipped: string;
        stopping: string;
        cancel: string;
        history: string;
        download: string;
        of: string;
        noJob: string;
        requested: string;
        began: string;
        attempted: string;
    }>;
    /** What types of notifications and tasks are called, by type. */
    set typeNames(typeNames: Record<string, string>);
    get typeNames(): Record<string, string>;
    connectedCallback(): void;
    disconnectedCallback(): void;
    /** @param {string} name @param {string | null} before @param {string | null} after */
    attributeChangedCallback(name: string, before: string | null, after: string | null): void;
    /** @param {string} type @param {any} detail @returns {boolean} false: somebody prevented what is done by default */
    tell(type: string, detail: any): boolean;
    /** @param {string} text for screen readers */
    say(text: string): void;
    /** Shows everything anew; there is a client, or none. */
    begin(): void;
    /** Ends what `begin` began. */
    end(): void;
    /** Listens to the client. @param {string} type @param {(detail: any) => void} listener */
    hear(type: string, listener: (detail: any) => void): void;
    #private;
}
import { Locale } from "./locale.js";
