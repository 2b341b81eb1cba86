import * as operations from "./operations.js";
import { Pages } from "./pages.js";
import { asSent, sentMany } from "./sending.js";
import { followed } from "./streaming.js";
import { batchEnded, bulkActionEnded, jobEnded, waited } from "./waiting.js";
import { Wire, encoded, keyOf } from "./wire.js";

/**
 * @import {
 *   Batches, BulkActions, Configuration, GroupNotification, Inbox, Jobs, Noun, Notification, Operation, Options, Schemas,
 *   Sent, WriteOptions,
 * } from "./shapes.js"
 */

/**
 * Hermodr over HTTP.
 *
 *     const hermodr = new Hermodr({ baseUrl: "http://127.0.0.1:8000", apiKey });
 *     const { job_id } = await hermodr.send({ to: "ada@example.com", subject: "Hello", body_text: "It works." });
 *     const { job } = await hermodr.jobs.wait(job_id);
 */
export class Hermodr {
  #wire;

  /** @param {Configuration} [configuration] Throws `NotConfigured`. */
  constructor(configuration) {
    const wire = new Wire(configuration);
    this.#wire = wire;
    this.apiKeys = noun(operations.apiKeys, wire);
    this.audit = noun(operations.audit, wire);
    this.autoSyncs = noun(operations.autoSyncs, wire);
    const batches = noun(operations.batches, wire);
    /** @type {Batches} */
    this.batches = {
      ...batches,
      wait: (id, options = {}) => waited(() => batches.get(id, options), batchEnded, `batch ${id}`, options),
    };
    const bulkActions = noun(operations.bulkActions, wire);
    /** @type {BulkActions} */
    this.bulkActions = {
      ...bulkActions,
      wait: (id, options = {}) =>
        waited(() => bulkActions.get(id, options), bulkActionEnded, `bulk action ${id}`, options),
    };
    this.connections = noun(operations.connections, wire);
    this.console = noun(operations.console, wire);
    this.deadLetters = noun(operations.deadLetters, wire);
    this.digestSchedules = noun(operations.digestSchedules, wire);
    this.groups = noun(operations.groups, wire);
    this.health = noun(operations.health, wire);
    /** @type {Inbox} */
    this.inbox = {
      ...noun(operations.inbox, wire),
      stream: (options = {}) => followed(wire, options),
    };
    const jobs = noun(operations.jobs, wire);
    /** @type {Jobs} */
    this.jobs = {
      ...jobs,
      wait: (id, options = {}) => waited(() => jobs.get(id, options), jobEnded, `job ${id}`, options),
    };
    this.notifications = noun(operations.notifications, wire);
    this.projects = noun(operations.projects, wire);
    this.providers = noun(operations.providers, wire);
    this.queues = noun(operations.queues, wire);
    this.recipients = noun(operations.recipients, wire);
    this.schedules = noun(operations.schedules, wire);
    this.senders = noun(operations.senders, wire);
    this.signingKeys = noun(operations.signingKeys, wire);
    this.suppressions = noun(operations.suppressions, wire);
    this.templates = noun(operations.templates, wire);
    this.userTokens = noun(operations.userTokens, wire);
    this.webhooks = noun(operations.webhooks, wire);
  }

  /**
   * Requests one notification; it is committed when this returns.
   *
   * @param {Notification} notification
   * @param {WriteOptions<never>} [options]
   * @returns {Promise<Schemas["AcceptedView"]>}
   */
  async send(notification, options = {}) {
    return this.#post("/v1/notifications", asSent(notification), options);
  }

  /**
   * Requests one for each who is in the group now, 20,000 at most; all of them are committed when this returns.
   *
   * @param {string} groupId
   * @param {GroupNotification} notification
   * @param {WriteOptions<never>} [options]
   * @returns {Promise<Schemas["BatchAcceptedView"]>}
   */
  async sendToGroup(groupId, notification, options = {}) {
    return this.#post("/v1/notifications", { ...notification, to: { group_id: groupId } }, options);
  }

  /**
   * Requests any number of notifications. A bad item is `rejected` and refuses no others, also one that JSON cannot
   * express or that is larger than 10 MiB. Throws `BulkInterrupted` when a request fails, or reading `items` does after
   * one was sent, with what was accepted and the key to go on with.
   *
   * @param {Iterable<Notification> | AsyncIterable<Notification>} items read lazily
   * @param {Options & { idempotencyKey?: string | undefined, jobIds?: boolean | undefined }} [options]
   * @returns {Promise<Sent>}
   */
  async sendMany(items, options = {}) {
    return sentMany(this.#wire, items, options);
  }

  /**
   * What would become of a `send` of the same now, by the rules that decide for real. Nothing is stored or sent.
   *
   * @param {Notification} notification
   * @param {Options} [options]
   * @returns {Promise<Schemas["SimulationView"]>}
   */
  async simulate(notification, options = {}) {
    return this.#post("/v1/notifications/simulate", asSent(notification), options);
  }

  /**
   * @param {string} path
   * @param {unknown} document
   * @param {WriteOptions<never>} options
   */
  #post(path, document, { idempotencyKey, signal, timeoutMs }) {
    const key = keyOf(idempotencyKey);
    return this.#wire.ask({ method: "POST", path, body: encoded(document), idempotencyKey: key, signal, timeoutMs });
  }
}

/**
 * @template {Record<string, Operation>} T
 * @param {T} table
 * @param {Wire} wire
 * @returns {Noun<T>}
 */
function noun(table, wire) {
  const methods = Object.entries(table).map(([name, operation]) => [name, method(operation, wire)]);
  return Object.freeze(Object.fromEntries(methods));
}

/**
 * @param {Operation} operation
 * @param {Wire} wire
 */
function method({ kind, verb, path }, wire) {
  const parts = path.split(/\{\w+\}/);
  return (/** @type {any[]} */ ...given) => {
    const ids = given.splice(0, parts.length - 1);
    const request = { method: verb.toUpperCase(), path: filled(parts, ids) };
    if (kind === "list" || kind === "ask") {
      const [query = {}, { signal, timeoutMs } = /** @type {any} */ ({})] = given;
      /** @param {string | null} cursor */
      const ask = (cursor) => wire.ask({ ...request, query: { ...query, ...(cursor && { cursor }) }, signal, timeoutMs });
      return kind === "list" ? new Pages(ask) : ask(null);
    }
    const [body, options = {}] = kind === "write" ? given : [undefined, given[0]];
    return written(request, body, options, wire);
  };
}

/**
 * A POST carries an Idempotency-Key; a text is sent as it is, as CSV.
 *
 * @param {{ method: string, path: string }} request
 * @param {unknown} body
 * @param {WriteOptions<any>} options
 * @param {Wire} wire
 */
async function written(request, body, { idempotencyKey, query, signal, timeoutMs }, wire) {
  return wire.ask({
    ...request,
    query,
    signal,
    timeoutMs,
    ...(body !== undefined && { body: typeof body === "string" ? body : encoded(body) }),
    ...(typeof body === "string" && { mediaType: "text/csv" }),
    ...(request.method === "POST" && { idempotencyKey: keyOf(idempotencyKey) }),
  });
}

/**
 * @param {string[]} parts
 * @param {(string | number)[]} ids
 */
function filled(parts, ids) {
  return parts.map((part, index) => (index < ids.length ? part + segment(ids[index]) : part)).join("");
}

/** @param {string | number | undefined} id */
function segment(id) {
  const text = encodeURIComponent(id ?? "");
  // URL parsers walk up on dots
  if (!/[^.]/.test(text)) throw new TypeError("an id is missing, or is none");
  return text;
}
