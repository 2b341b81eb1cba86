/**
 * What is new in a user's inbox and of their jobs. Opened again whenever it breaks, from the last event on; what fails
 * for `retries.totalMs` without an event in between is thrown.
 *
 * @param {Wire} wire
 * @param {Options & { lastEventId?: string | undefined }} options
 * @returns {AsyncGenerator<InboxEvent, void, void>}
 */
export function followed(wire: Wire, { signal, lastEventId }: Options & {
    lastEventId?: string | undefined;
}): AsyncGenerator<InboxEvent, void, void>;
/** What a stream says, in any pieces. */
export class Decoder {
    /** Milliseconds to wait before coming back, as the server wishes. */
    retryMs: number;
    /**
     * @param {Uint8Array} chunk
     * @returns {Generator<{ event: string, data: string, id: string | null }>}
     */
    take(chunk: Uint8Array): Generator<{
        event: string;
        data: string;
        id: string | null;
    }>;
    #private;
}
import type { Wire } from "./wire.js";
import type { Options } from "./shapes.js";
import type { InboxEvent } from "./shapes.js";
