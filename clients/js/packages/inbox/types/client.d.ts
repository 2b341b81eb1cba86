/**
 * A notification, as `GET /v1/inbox` shows it. Its texts are a stranger's: show them as text.
 * @typedef {{ id: string, job_id: string, type: string | null, title: string, message: string, data: any,
 *   read: boolean, read_at: string | null, archived: boolean, archived_at: string | null,
 *   snoozed_until: string | null, created_at: string }} Notification
 *
 * @typedef {{ data: Notification[], unread_count: number, next_cursor: string | null }} NotificationPage
 * @typedef {{ read?: boolean, archived?: boolean, snoozed?: boolean, type?: string, limit?: number,
 *   cursor?: string | null }} ListOptions
 * @typedef {{ title: string, category: string | null, description: string | null }} Label
 * @typedef {{ id: string, type: string, label: Label, critical: boolean, channels: Record<string, boolean> }} Preference
 * @typedef {{ data: Preference[], channels: Record<string, boolean>, next_cursor: string | null }} PreferencePage
 * @typedef {{ current: number, total: number | null, percentage: number | null, message: string | null }} Progress
 * @typedef {{ id: string, kind: string, type: string | null, status: string, created_at: string,
 *   processed_at: string | null, finished_at: string | null, progress: Progress | null, result: any,
 *   error: string | null, [more: string]: any }} Job
 * @typedef {{ job: Job, task: { stopping: boolean, [more: string]: any } | null, [more: string]: any }} JobHistory
 * @typedef {{ at: string, event: string, detail: Record<string, any> }} TimelineEntry
 * @typedef {{ job_id: string, status: string, data: TimelineEntry[] }} Timeline
 *
 * @typedef {object} InboxOptions
 * @property {string} api  where Hermodr is: `https://notify.example.com`
 * @property {string} [token]  the user's
 * @property {() => string | Promise<string>} [getToken]  gives a token, and another one when the last one has ended
 * @property {typeof globalThis.fetch} [fetch]
 * @property {number} [pollSeconds]  between two polls where no stream can be had
 * @property {boolean} [background]  keeps the stream while the page is hidden
 */
/** What the api answered if it did not do what it was asked for: a problem document (RFC 9457), or no answer at all. */
export class InboxError extends Error {
    /**
     * @param {string} message @param {number} status 0: no answer came
     * @param {Record<string, any>} problem @param {number | null} retryAfter seconds
     */
    constructor(message: string, status?: number, problem?: Record<string, any>, retryAfter?: number | null);
    status: number;
    problem: Record<string, any>;
    retryAfter: number | null;
}
/**
 * The inbox and the jobs of one user. All calls raise `InboxError`.
 *
 * Events, with what they tell in `detail`: `notification` (a `Notification`), `count` (`{unread}`), `job`
 * (`{job_id, event, status, progress}`, at its end with `result` and `error`), `refetch` (something may have been
 * missed: read again what is shown), `connection` (`{state}`).
 */
export class InboxClient extends EventTarget {
    /** @param {InboxOptions} options */
    constructor(options: InboxOptions);
    /** @type {number | null} null: not known yet */
    unread: number | null;
    /** @type {import("./live.js").Connection} */
    connection: import("./live.js").Connection;
    get api(): string;
    /** The same user's next token. */
    set token(token: string);
    get token(): string;
    /** Begins to listen. */
    start(): void;
    stop(): void;
    /** @param {ListOptions} [options] @returns {Promise<NotificationPage>} the newest first */
    list(options?: ListOptions): Promise<NotificationPage>;
    /** @param {ListOptions} [options] @returns {AsyncGenerator<Notification, void, void>} over all pages */
    all(options?: ListOptions): AsyncGenerator<Notification, void, void>;
    /** @returns {Promise<number>} */
    unreadCount(): Promise<number>;
    /** @param {string} id @returns {Promise<Notification>} it stays unread */
    show(id: string): Promise<Notification>;
    /** @param {string} id */
    read(id: string): Promise<Notification>;
    /** @param {string} id */
    markUnread(id: string): Promise<Notification>;
    /** @param {string} id */
    archive(id: string): Promise<Notification>;
    /** @param {string} id */
    unarchive(id: string): Promise<Notification>;
    /** @param {string} id @param {Date | null} until null: it comes back now */
    snooze(id: string, until: Date | null): Promise<Notification>;
    /** @param {string} [type] only those of that type @returns {Promise<number>} how many were marked */
    readAll(type?: string): Promise<number>;
    /** @param {string} id */
    delete(id: string): Promise<void>;
    /**
     * @param {string} [locale] the language of labels; by default the user's
     * @returns {Promise<PreferencePage>} of all types that may reach them; `channels`: what holds for those without a wish
     */
    preferences(locale?: string): Promise<PreferencePage>;
    /**
     * @param {string | null} id of the preference; null: of all types for which nothing else is wished
     * @param {Record<string, boolean>} channels those left out stay as they are
     * @returns {Promise<{channels: Record<string, boolean>}>}
     */
    changePreference(id: string | null, channels: Record<string, boolean>): Promise<{
        channels: Record<string, boolean>;
    }>;
    /** @param {string} id @returns {Promise<JobHistory>} */
    job(id: string): Promise<JobHistory>;
    /** @param {string} id @returns {Promise<Timeline>} */
    timeline(id: string): Promise<Timeline>;
    /** @param {string} id @returns {Promise<{status: string}>} `processing`: it was told to stop */
    cancelJob(id: string): Promise<{
        status: string;
    }>;
    /** @param {string} id @returns {Promise<{status: string}>} */
    retryJob(id: string): Promise<{
        status: string;
    }>;
    /** Asks for that job too where no stream can be had. @param {string} id @returns {() => void} ends it */
    follow(id: string): () => void;
    #private;
}
/**
 * A notification, as `GET /v1/inbox` shows it. Its texts are a stranger's: show them as text.
 */
export type Notification = {
    id: string;
    job_id: string;
    type: string | null;
    title: string;
    message: string;
    data: any;
    read: boolean;
    read_at: string | null;
    archived: boolean;
    archived_at: string | null;
    snoozed_until: string | null;
    created_at: string;
};
/**
 * A notification, as `GET /v1/inbox` shows it. Its texts are a stranger's: show them as text.
 */
export type NotificationPage = {
    data: Notification[];
    unread_count: number;
    next_cursor: string | null;
};
/**
 * A notification, as `GET /v1/inbox` shows it. Its texts are a stranger's: show them as text.
 */
export type ListOptions = {
    read?: boolean;
    archived?: boolean;
    snoozed?: boolean;
    type?: string;
    limit?: number;
    cursor?: string | null;
};
/**
 * A notification, as `GET /v1/inbox` shows it. Its texts are a stranger's: show them as text.
 */
export type Label = {
    title: string;
    category: string | null;
    description: string | null;
};
/**
 * A notification, as `GET /v1/inbox` shows it. Its texts are a stranger's: show them as text.
 */
export type Preference = {
    id: string;
    type: string;
    label: Label;
    critical: boolean;
    channels: Record<string, boolean>;
};
/**
 * A notification, as `GET /v1/inbox` shows it. Its texts are a stranger's: show them as text.
 */
export type PreferencePage = {
    data: Preference[];
    channels: Record<string, boolean>;
    next_cursor: string | null;
};
/**
 * A notification, as `GET /v1/inbox` shows it. Its texts are a stranger's: show them as text.
 */
export type Progress = {
    current: number;
    total: number | null;
    percentage: number | null;
    message: string | null;
};
/**
 * A notification, as `GET /v1/inbox` shows it. Its texts are a stranger's: show them as text.
 */
export type Job = {
    id: string;
    kind: string;
    type: string | null;
    status: string;
    created_at: string;
    processed_at: string | null;
    finished_at: string | null;
    progress: Progress | null;
    result: any;
    error: string | null;
    [more: string]: any;
};
/**
 * A notification, as `GET /v1/inbox` shows it. Its texts are a stranger's: show them as text.
 */
export type JobHistory = {
    job: Job;
    task: {
        stopping: boolean;
        [more: string]: any;
    } | null;
    [more: string]: any;
};
/**
 * A notification, as `GET /v1/inbox` shows it. Its texts are a stranger's: show them as text.
 */
export type TimelineEntry = {
    at: string;
    event: string;
    detail: Record<string, any>;
};
/**
 * A notification, as `GET /v1/inbox` shows it. Its texts are a stranger's: show them as text.
 */
export type Timeline = {
    job_id: string;
    status: string;
    data: TimelineEntry[];
};
/**
 * A notification, as `GET /v1/inbox` shows it. Its texts are a stranger's: show them as text.
 */
export type InboxOptions = {
    /**
     * where Hermodr is: `https://notify.example.com`
     */
    api: string;
    /**
     * the user's
     */
    token?: string | undefined;
    /**
     * gives a token, and another one when the last one has ended
     */
    getToken?: (() => string | Promise<string>) | undefined;
    fetch?: typeof fetch | undefined;
    /**
     * between two polls where no stream can be had
     */
    pollSeconds?: number | undefined;
    /**
     * keeps the stream while the page is hidden
     */
    background?: boolean | undefined;
};
