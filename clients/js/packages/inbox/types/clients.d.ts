/** @param {Asked} asked @returns {Shared | null} null: there is none yet; `whenThere` tells */
export function take(asked: Asked): Shared | null;
/** @param {Shared} taken */
export function leave(taken: Shared): void;
/** @param {() => void} told @returns {() => void} ends it */
export function whenThere(told: () => void): () => void;
/**
 * What an element says of the client it wants; without `api` it takes the one of another element of the page.
 */
export type Asked = {
    api: string | null;
    token: string | null;
    getToken: (() => string | Promise<string>) | null;
    background: boolean;
};
/**
 * What an element says of the client it wants; without `api` it takes the one of another element of the page.
 */
export type Shared = {
    client: InboxClient;
    user: string;
    users: number;
};
import { InboxClient } from "./client.js";
