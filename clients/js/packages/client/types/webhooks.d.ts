/** Seconds that a message's time may be away from ours. */
export const TOLERANCE: 300;
/** The message is not one that Hermodr signed for this endpoint, or not a recent one. Answer it with 401. */
export class WebhookUnverified extends Error {
}
/**
 * @typedef {object} Event What `verify` answers: ids, states and times, no content.
 * @property {string} type such as `job.completed` or `delivery.bounced`
 * @property {string} timestamp RFC 3339
 * @property {Record<string, unknown>} data `job_id`, `delivery_id`, `channel`, `state`, `previous_state` …
 */
/**
 * @typedef {Headers | Record<string, string | string[] | undefined>} ReceivedHeaders of `fetch`'s Request, or Node's
 * `request.headers`
 */
/** One endpoint's secret. While it is being replaced, messages bear signatures by the old and the new one. */
export class Webhook {
    /** @param {string} secret `whsec_…`, as shown when the endpoint was made. Throws a TypeError for anything else. */
    constructor(secret: string);
    /**
     * The event, if it was signed with this secret within `TOLERANCE` of `now`.
     *
     * @param {string | Uint8Array | ArrayBuffer} body as received: not parsed and written again
     * @param {ReceivedHeaders} headers
     * @param {{ now?: Date }} [options]
     * @returns {Promise<Event>} throws `WebhookUnverified`; a TypeError if the body is none, as when a framework has
     * parsed it already
     */
    verify(body: string | Uint8Array | ArrayBuffer, headers: ReceivedHeaders, { now }?: {
        now?: Date;
    }): Promise<Event>;
    #private;
}
/**
 * What `verify` answers: ids, states and times, no content.
 */
export type Event = {
    /**
     * such as `job.completed` or `delivery.bounced`
     */
    type: string;
    /**
     * RFC 3339
     */
    timestamp: string;
    /**
     * `job_id`, `delivery_id`, `channel`, `state`, `previous_state` …
     */
    data: Record<string, unknown>;
};
/**
 * of `fetch`'s Request, or Node's
 * `request.headers`
 */
export type ReceivedHeaders = Headers | Record<string, string | string[] | undefined>;
