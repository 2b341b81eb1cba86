/** Types alone: how a row of the table of operations becomes a method, and what the convenient calls take and answer. */

import type { components, paths } from "../types/openapi.js";
import type { batches, bulkActions, inbox, jobs } from "./operations.js";
import type { Pages } from "./pages.js";

export type Schemas = components["schemas"];
export type Path = keyof paths;
export type Verb = "get" | "post" | "put" | "patch" | "delete";

/** `ask`: with a query. `list`: the same, by pages. `call`: without a body. `write`: with one. */
export type Kind = "ask" | "list" | "call" | "write";

export interface Operation<K extends Kind = Kind, V extends Verb = Verb, P extends Path = Path> {
  readonly kind: K;
  readonly verb: V;
  readonly path: P;
}

export interface Options {
  /** Ends the call: it throws the signal's reason. */
  signal?: AbortSignal | undefined;
  /** The longest that one attempt may take. */
  timeoutMs?: number | undefined;
}

export interface WriteOptions<Q> extends Options {
  /** One of your own covers a crash of your process; without it each call has a fresh one for all its attempts. */
  idempotencyKey?: string | undefined;
  query?: Q | undefined;
}

type Described<P, V> = P extends Path ? (V extends keyof paths[P] ? paths[P][V] : never) : never;
type Media<C> = C extends { content: infer M } ? M[keyof M & ("application/json" | "text/csv")] : undefined;
type Successes<D> = D extends { responses: infer R } ? R[keyof R & (200 | 201 | 202 | 204)] : never;

export type Query<D> = D extends { parameters: { query?: infer Q } } ? NonNullable<Q> : never;
export type Body<D> = D extends { requestBody?: infer B } ? Media<NonNullable<B>> : never;
export type Answer<D> = Successes<D> extends infer S ? (S extends { content: object } ? Media<S> : undefined) : never;
type Row<A> = A extends { data: (infer T)[] } ? T : never;

/** One for each `{…}` of the path, in its order. */
type Ids<P> = P extends `${string}{${string}}${infer Rest}` ? [id: string | number, ...Ids<Rest>] : [];
type BodyArgument<D> = D extends { requestBody: object } ? [body: Body<D>] : [body?: Body<D>];

export type Method<O> =
  O extends Operation<infer K, infer V, infer P>
    ? K extends "list"
      ? (...given: [...Ids<P>, query?: Query<Described<P, V>>, options?: Options]) => Pages<
          Row<Answer<Described<P, V>>>,
          Answer<Described<P, V>>
        >
      : K extends "ask"
        ? (
            ...given: [...Ids<P>, query?: Query<Described<P, V>>, options?: Options]
          ) => Promise<Answer<Described<P, V>>>
        : K extends "call"
          ? (
              ...given: [...Ids<P>, options?: WriteOptions<Query<Described<P, V>>>]
            ) => Promise<Answer<Described<P, V>>>
          : (
              ...given: [
                ...Ids<P>,
                ...BodyArgument<Described<P, V>>,
                options?: WriteOptions<Query<Described<P, V>>>,
              ]
            ) => Promise<Answer<Described<P, V>>>
    : never;

/** The methods of a noun: `hermodr.jobs`. */
export type Noun<T> = { readonly [N in keyof T]: Method<T[N]> };

/** A text is an address, with an "@", or a phone number, with a leading "+". */
export type Notification = Omit<Schemas["NotificationIn"], "to"> & { to: Schemas["NotificationIn"]["to"] | string };

export type GroupNotification = Omit<Schemas["NotificationIn"], "to">;

export type JobDetail = Answer<paths["/v1/jobs/{job_id}"]["get"]>;
export type Batch = Answer<paths["/v1/batches/{batch_id}"]["get"]>;

export type BulkAction = Answer<paths["/v1/bulk-actions/{bulk_action_id}"]["get"]>;

export interface Waiting extends Options {
  /** The longest that is waited; 60,000 if left out. Then `Unfinished` is thrown. */
  forMs?: number | undefined;
}

export interface Jobs extends Noun<typeof jobs> {
  /** The job once it has ended; asks at growing intervals (0.1 to 5 s). */
  readonly wait: (id: string, options?: Waiting) => Promise<JobDetail>;
}

export interface Batches extends Noun<typeof batches> {
  /** The batch, with its `counts`, once all its jobs have ended. */
  readonly wait: (id: string, options?: Waiting) => Promise<Batch>;
}

export interface BulkActions extends Noun<typeof bulkActions> {
  /** The bulk action, once it has ended; it goes on whether or not anybody waits. */
  readonly wait: (id: string, options?: Waiting) => Promise<BulkAction>;
}

export interface Inbox extends Noun<typeof inbox> {
  /** What is new in the inbox of the token's user, and of their jobs. It comes back by itself when it breaks. */
  readonly stream: (
    options?: Options & { lastEventId?: string | undefined },
  ) => AsyncGenerator<InboxEvent, void, void>;
}

/** What became of the items of `sendMany`; `index` and the places in `jobIds` are those of the items given. */
export interface Sent {
  accepted: number;
  batches: string[];
  rejected: { index: number; errors: { loc: (string | number)[]; msg: string }[] }[];
  /** Accepted before under their own `idempotency_key`. */
  replayed: { index: number; job_id: string }[];
  /** If asked for: of each item; null for a rejected one. */
  jobIds: (string | null)[];
}

export interface Retries {
  /** 1: no retries. */
  attempts: number;
  /** No attempt and no pause goes beyond it: then the last error is thrown. */
  totalMs: number;
  /** The pause doubles from here to `longestPauseMs`, randomly reduced by up to half; `Retry-After` makes it longer. */
  firstPauseMs: number;
  longestPauseMs: number;
}

export interface Configuration {
  /** Of the API; `HERMODR_API_URL` in Node. */
  baseUrl?: string | undefined;
  /** An API key or an end user's token, or what gets one whenever a request is made; `HERMODR_API_KEY` in Node. */
  apiKey?: string | (() => string | Promise<string>) | undefined;
  retries?: Partial<Retries> | undefined;
  /** The longest that one attempt may take. */
  timeoutMs?: number | undefined;
  fetch?: typeof fetch | undefined;
}

/** What `inbox.stream` tells. `refetch`: something may have been missed; read the list again. */
export interface InboxEvent {
  event: "notification" | "notification:count" | "job:status" | "job:update" | "refetch" | (string & {});
  data: any;
  /** Of a notification: where another stream goes on, as `lastEventId`. */
  id: string | null;
}
