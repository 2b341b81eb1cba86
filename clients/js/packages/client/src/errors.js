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
  constructor(message, options) {
    super(message, options);
    this.name = new.target.name;
  }
}

export class NotConfigured extends HermodrError {}

export class NotSendable extends HermodrError {}

export class MalformedAnswer extends HermodrError {
  /**
   * @param {string} reason
   * @param {number} status
   */
  constructor(reason, status) {
    super(`the answer (${status}) ${reason}; is this the address of Hermodr's API?`);
    this.status = status;
  }
}

/** `reached`: the request may have been carried out; with an Idempotency-Key it can be repeated. */
export class NoAnswer extends HermodrError {
  /**
   * @param {string} reason
   * @param {{ reached: boolean, attempts: number, cause?: unknown }} how
   */
  constructor(reason, { reached, attempts, cause }) {
    super(`no answer${attempts > 1 ? ` after ${attempts} attempts` : ""}: ${reason}`, { cause });
    this.reached = reached;
    this.attempts = attempts;
  }
}

/** `last` is the last answer: the job's details, or the batch with its counts. */
export class Unfinished extends HermodrError {
  /**
   * @param {string} what
   * @param {unknown} last
   */
  constructor(what, last) {
    super(what);
    this.last = last;
  }
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
  constructor(sent, key, cause) {
    super(`interrupted after ${sent.accepted} accepted notifications; go on with the same key`, { cause });
    this.sent = sent;
    this.key = key;
  }
}

/** @typedef {{ loc: (string | number)[], msg: string }} Flaw One error in a request: its place, and what it is. */

/** A refusal. `members` are those of its document beside the standard ones, such as `job_id`. */
export class Problem extends HermodrError {
  /**
   * @param {number} status
   * @param {Record<string, unknown>} document
   * @param {number} [retryAfter] seconds
   */
  constructor(status, document, retryAfter) {
    const { type, title, detail, errors, request_id, status: _, ...members } = document;
    const flaws = flawsOf(errors);
    super(described(status, text(title), text(detail), flaws, text(request_id)));
    this.status = status;
    this.type = text(type) || "about:blank";
    this.title = text(title);
    this.detail = text(detail);
    this.errors = flaws;
    this.requestId = text(request_id);
    this.retryAfter = retryAfter;
    this.members = members;
    /** Whether an earlier attempt of this request may have been carried out: its answer got lost. */
    this.uncertain = false;
  }
}

export class BadRequest extends Problem {}

export class Unauthenticated extends Problem {}

export class Forbidden extends Problem {}

export class NotFound extends Problem {}

export class Conflict extends Problem {}

export class SingletonTaken extends Conflict {}

export class StillRunning extends Conflict {}

export class TooLarge extends Problem {}

export class Invalid extends Problem {}

export class IdempotencyKeyReused extends Invalid {}

export class RateLimited extends Problem {}

export class QuotaExceeded extends RateLimited {}

export class ServerError extends Problem {}

export class Unavailable extends ServerError {}

const TYPE_PREFIX = "urn:hermodr:problem:";
/** @type {Record<string, typeof Problem>} */
const BY_TYPE = {
  [`${TYPE_PREFIX}singleton-taken`]: SingletonTaken,
  [`${TYPE_PREFIX}still-running`]: StillRunning,
  [`${TYPE_PREFIX}idempotency-key-reused`]: IdempotencyKeyReused,
  [`${TYPE_PREFIX}quota-exceeded`]: QuotaExceeded,
};
/** @type {Record<number, typeof Problem>} */
const BY_STATUS = {
  400: BadRequest,
  401: Unauthenticated,
  403: Forbidden,
  404: NotFound,
  409: Conflict,
  413: TooLarge,
  422: Invalid,
  429: RateLimited,
  503: Unavailable,
};

/**
 * The error for an answer that is none of success, whoever wrote it.
 *
 * @param {number} status
 * @param {Record<string, unknown>} document
 * @param {number} [retryAfter] seconds
 */
export function problemOf(status, document, retryAfter) {
  const Kind = BY_TYPE[text(document.type)] ?? BY_STATUS[status] ?? (status >= 500 ? ServerError : Problem);
  return new Kind(status, document, retryAfter);
}

/** @param {unknown} value */
function text(value) {
  return typeof value === "string" ? value.slice(0, 1000) : "";
}

/**
 * @param {unknown} errors
 * @returns {Flaw[]}
 */
function flawsOf(errors) {
  return (Array.isArray(errors) ? errors : []).map((each) => ({
    loc: Array.isArray(each?.loc) ? each.loc : [],
    msg: text(each?.msg),
  }));
}

/**
 * @param {number} status
 * @param {string} title
 * @param {string} detail
 * @param {Flaw[]} flaws
 * @param {string} requestId
 */
function described(status, title, detail, flaws, requestId) {
  const said = flaws.map(({ loc, msg }) => (loc.length ? `${loc.join(".")}: ${msg}` : msg));
  const why = [detail, ...said.filter((each) => !detail.includes(each))].filter(Boolean).join("; ");
  const whole = [`${status} ${title}`, why].filter(Boolean).join(": ");
  return requestId ? `${whole} (request ${requestId})` : whole;
}
