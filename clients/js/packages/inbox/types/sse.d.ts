/**
 * One event of a stream.
 * @typedef {{ event: string, data: any, id: string | null }} StreamedEvent
 */
/**
 * Reads Server-Sent Events (WHATWG HTML, §9.2) whose data is JSON. `alive` is called for every chunk, signs of life
 * included. Ends when the stream does; throws what reading throws.
 * @param {ReadableStream<Uint8Array>} body
 * @param {() => void} alive
 * @returns {AsyncGenerator<StreamedEvent, void, void>}
 */
export function eventsOf(body: ReadableStream<Uint8Array>, alive: () => void): AsyncGenerator<StreamedEvent, void, void>;
/**
 * One event of a stream.
 */
export type StreamedEvent = {
    event: string;
    data: any;
    id: string | null;
};
