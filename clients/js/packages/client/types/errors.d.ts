/**
 * The error for an answer that is none of success, whoever wrote it.
 *
 * @param {number} status
 * @param {Record<string, unknown>} document
 * @param {number} [retryAfter] seconds
 */
export function problemOf(status: number, document: Record<string, unknown>, retryAfter?: number): Problem;
/**
 *     HermodrError
 *     ├── NotConfigured        no address, no key, or one that is malformed; nothing was sent
 *     ├── NotSendable          an argument that no request can carry; nothing was sent
 *     ├── NoAnswer             the network: no whole answer came back
 *     ├── MalformedAnswer      the answer is not Hermodr's: a proxy's page, another version
 *     ├── Unfinished           `jobs.wait` or `batches.wait` gave up
 *     ├── BulkInterrupted      `sendMany` ended before its last request; says how far it came
 *     └── Problem              Hermodr refused (RFC 9457)
 *         ├── BadRequest             400
 *         ├── Unauthenticated        401   the key is missing, wrong or revoked
 *         ├── Forbidden              403   the key lacks the scope
 *         ├── NotFound               404   it does not exist, or is someone else's
 *         ├── Conflict               409
 *         │   ├── SingletonTaken           a job with this singleton key is not finished
 *         │   └── StillRunning             the first request with this Idempotency-Key has no answer yet
 *         ├── TooLarge               413
 *         ├── Invalid                422   `errors` names every flaw
 *         │   └── IdempotencyKeyReused     the key was used for another request
 *         ├── RateLimited            429   `retryAfter`
 *         │   └── QuotaExceeded            `members.quota`
 *         └── ServerError            5xx
 *             └── Unavailable        503   `retryAfter`
 *
 * No error holds an API key or what was sent. What ends by a caller's AbortSignal throws the signal's reason instead.
 */
export class HermodrError extends Error {
    /**
     * @param {string} message
     * @param {ErrorOptions} [options]
     */
    constructor(message: string, options?: ErrorOptions);
}
export class NotConfigured extends HermodrError {
}
export class NotSendable extends HermodrError {
}
export class MalformedAnswer extends HermodrError {
    /**
     * @param {string} reason
     * @param {number} status
     */
    constructor(reason: string, status: number);
    status: number;
}
/** `reached`: the request may have been carried out; with an Idempotency-Key it can be repeated. */
export class NoAnswer extends HermodrError {
    /**
     * @param {string} reason
     * @param {{ reached: boolean, attempts: number, cause?: unknown }} how
     */
    constructor(reason: string, { reached, attempts, cause }: {
        reached: boolean;
        attempts: number;
        cause?: unknown;
    });
    reached: boolean;
    attempts: number;
}
/** `last` is the last answer: the job's details, or the batch with its counts. */
export class Unfinished extends HermodrError {
    /**
     * @param {string} what
     * @param {unknown} last
     */
    constructor(what: string, last: unknown);
    last: unknown;
}
/**
 * `sendMany` ended early: a request failed, or after the first one the items could not be read on; that error is the
 * `cause`. `sent` was accepted before. Calling again with the same items and `key` as `idempotencyKey` sends the rest,
 * and nothing twice.
 */
export class BulkInterrupted extends HermodrError {
    /**
     * @param {import("./shapes.js").Sent} sent
     * @param {string} key
     * @param {unknown} cause
     */
    constructor(sent: import("./shapes.js").Sent, key: string, cause: unknown);
    sent: import("./shapes.js").Sent;
    key: string;
}
/** @typedef {{ loc: (string | number)[], msg: string }} Flaw One error in a request: its place, and what it is. */
/** A refusal. `members` are those of its document beside the standard ones, such as `job_id`. */
export class Problem extends HermodrError {
    /**
     * @param {number} status
     * @param {Record<string, unknown>} document
     * @param {number} [retryAfter] seconds
     */
    constructor(status: number, document: Record<string, unknown>, retryAfter?: number);
    status: number;
    type: string;
    title: string;
    detail: string;
    errors: Flaw[];
    requestId: string;
    retryAfter: number | undefined;
    members: {
        [x: string]: unknown;
    };
    /** Whether an earlier attempt of this request may have been carried out: its answer got lost. */
    uncertain: boolean;
}
export class BadRequest extends Problem {
}
export class Unauthenticated extends Problem {
}
export class Forbidden extends Problem {
}
export class NotFound extends Problem {
}
export class Conflict extends Problem {
}
export class SingletonTaken extends Conflict {
}
export class StillRunning extends Conflict {
}
export class TooLarge extends Problem {
}
export class Invalid extends Problem {
}
export class IdempotencyKeyReused extends Invalid {
}
export class RateLimited extends Problem {
}
export class QuotaExceeded extends RateLimited {
}
export class ServerError extends Problem {
}
export class Unavailable extends ServerError {
}
/**
 * One error in a request: its place, and what it is.
 */
export type Flaw = {
    loc: (string | number)[];
    msg: string;
};
