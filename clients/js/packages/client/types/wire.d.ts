/**
 * @param {Pick<Request, "method" | "idempotencyKey">} request
 * @param {HermodrError} error
 */
export function mayRepeat({ method, idempotencyKey }: Pick<Request, "method" | "idempotencyKey">, error: HermodrError): boolean;
/**
 * @param {unknown} value
 * @returns {string} JSON that says the value unaltered. Throws `NotSendable` where it cannot.
 */
export function encoded(value: unknown): string;
/**
 * @param {string} [given] Throws `NotSendable` for one that the API does not take.
 * @returns {string} it, or a fresh one
 */
export function keyOf(given?: string): string;
/**
 * @param {Response} response
 * @param {string} text
 */
export function refusal(response: Response, text: string): Problem;
/**
 * @param {unknown} error
 * @param {boolean} overdue
 */
export function lost(error: unknown, overdue: boolean): NoAnswer;
/** An API's address, the right to use it, and how persistently that is done. */
export class Wire {
    /** @param {Configuration} [configuration] Throws `NotConfigured`, which never quotes a key. */
    constructor({ baseUrl, apiKey, retries, timeoutMs, fetch }?: Configuration);
    baseUrl: string;
    timeoutMs: number;
    retries: {
        attempts: number;
        totalMs: number;
        firstPauseMs: number;
        longestPauseMs: number;
    };
    fetch: typeof fetch;
    /**
     * What the answer says: parsed JSON, a text, or undefined. Throws a `Problem`, `NoAnswer`, `MalformedAnswer`.
     *
     * @param {Request} request
     * @returns {Promise<any>}
     */
    ask(request: Request): Promise<any>;
    /**
     * @param {Request} request
     * @returns {Promise<{ response: Response, text: string }>}
     */
    exchange(request: Request): Promise<{
        response: Response;
        text: string;
    }>;
    /**
     * One attempt. Throws the reason of the caller's signal, and `NotConfigured`.
     *
     * @param {Request} request
     * @param {number} timeoutMs
     * @returns {Promise<{ response: Response, text: string } | NoAnswer | Problem>}
     */
    attempt(request: Request, timeoutMs: number): Promise<{
        response: Response;
        text: string;
    } | NoAnswer | Problem>;
    /**
     * @param {Request} request
     * @param {AbortSignal} signal
     */
    open({ method, path, query, body, mediaType, idempotencyKey, headers }: Request, signal: AbortSignal): Promise<Response>;
    /**
     * @param {number} attempt from 1
     * @param {HermodrError} error
     */
    pauseMs(attempt: number, error: HermodrError): number;
    #private;
}
export type Request = {
    method: string;
    /**
     * begins with a slash, and is encoded
     */
    path: string;
    query?: Record<string, unknown> | undefined;
    body?: string | undefined;
    mediaType?: string | undefined;
    idempotencyKey?: string | undefined;
    headers?: Record<string, string> | undefined;
    signal?: AbortSignal | undefined;
    timeoutMs?: number | undefined;
};
import { HermodrError } from "./errors.js";
import { Problem } from "./errors.js";
import { NoAnswer } from "./errors.js";
import type { Configuration } from "./shapes.js";
