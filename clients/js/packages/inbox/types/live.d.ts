/**
 * Lets go of the connection while nobody looks: browsers have few connections for one server, and a page in the cache
 * of those left must have none.
 * @param {Live} live
 * @returns {() => void} ends it
 */
export function whileVisible(live: Live): () => void;
/** Keeps one stream open, with a poll where there is none. */
export class Live {
    /** @param {Ends} ends @param {number} pollMs between two polls, and between two tries to have a stream again */
    constructor(ends: Ends, pollMs: number);
    /** @type {string | null} the last notification that was told */
    lastEventId: string | null;
    start(): void;
    /** @param {Connection} connection what it is from now on */
    stop(connection?: Connection): void;
    /** Tries again now, if it waits. */
    hurry(): void;
    #private;
}
/**
 * How the client hears of news: `live` by the stream, `polling` by asking now and then, `connecting` for the first
 * time or again, `offline` if neither works, `paused` while the page is hidden, `unauthorized` until there is another
 * token, `stopped` if nobody wants to hear.
 */
export type Connection = "stopped" | "connecting" | "live" | "polling" | "offline" | "paused" | "unauthorized";
/**
 * What keeps a connection needs of its client.
 */
export type Ends = {
    open: (lastEventId: string | null, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>;
    poll: (signal: AbortSignal) => Promise<void>;
    heard: (event: import("./sse.js").StreamedEvent) => void;
    became: (connection: Connection) => void;
    reconnected: () => void;
    /**
     * whether another token is needed
     */
    refused: (error: unknown) => boolean;
    /**
     * whether there is another token
     */
    renew: () => Promise<boolean>;
};
