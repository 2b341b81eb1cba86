/** `booking_confirmation` as people write: `Booking confirmation`. @param {string} name */
export function spelled(name: string): string;
/** A language's words and its way with times. */
export class Locale {
    /** @param {string} tag such as `de-AT` @param {Partial<import("./words.js").Words>} [own] words instead of ours */
    constructor(tag: string, own?: Partial<import("./words.js").Words>);
    tag: string;
    words: {
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
    } & Record<string, string>;
    direction: string;
    number: Intl.NumberFormat;
    /** @param {keyof import("./words.js").Words} name @param {string[]} values */
    say(name: keyof import("./words.js").Words, ...values: string[]): string;
    /** `5 minutes ago`; a date if it is longer ago than a week. @param {string} at @param {number} [now] */
    ago(at: string, now?: number): string;
    /** @param {string | number | Date} at */
    moment(at: string | number | Date): string;
    #private;
}
