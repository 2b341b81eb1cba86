/**
 * What one request holds. `places`: of its items, from 0 in what was given; `rejected`: those read meanwhile that no
 * request can carry.
 *
 * @typedef {{ places: number[], lines: string[], bytes: number, rejected: Sent["rejected"] }} Chunk
 */
/**
 * @param {Wire} wire
 * @param {Iterable<Notification> | AsyncIterable<Notification>} items
 * @param {Options & { idempotencyKey?: string | undefined, jobIds?: boolean | undefined }} options
 * @returns {Promise<Sent>}
 */
export function sentMany(wire: Wire, items: Iterable<Notification> | AsyncIterable<Notification>, { idempotencyKey, jobIds, ...options }: Options & {
    idempotencyKey?: string | undefined;
    jobIds?: boolean | undefined;
}): Promise<Sent>;
/**
 * @param {Notification} notification
 * @returns {any} as the API wants it: the recipient by its kind
 */
export function asSent(notification: Notification): any;
/**
 * What one request holds. `places`: of its items, from 0 in what was given; `rejected`: those read meanwhile that no
 * request can carry.
 */
export type Chunk = {
    places: number[];
    lines: string[];
    bytes: number;
    rejected: Sent["rejected"];
};
import type { Wire } from "./wire.js";
import type { Notification } from "./shapes.js";
import type { Options } from "./shapes.js";
import type { Sent } from "./shapes.js";
