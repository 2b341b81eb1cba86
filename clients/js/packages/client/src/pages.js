import { MalformedAnswer } from "./errors.js";

/**
 * A list; nothing is requested before its first row is.
 *
 *     for await (const job of hermodr.jobs.list({ status: "failed" })) …
 *
 * @template T
 * @template P
 */
export class Pages {
  /** @type {(cursor: string | null) => Promise<any>} */
  #page;

  /** @param {(cursor: string | null) => Promise<any>} page gets the page that begins there; null: the first */
  constructor(page) {
    this.#page = page;
  }

  /**
   * The first page alone, with what stands beside its rows.
   *
   * @returns {Promise<P>}
   */
  async first() {
    return this.#page(null);
  }

  /**
   * Page by page.
   *
   * @returns {AsyncGenerator<T[], void, void>}
   */
  async *pages() {
    let cursor = null;
    const followed = new Set();
    do {
      const { data, next_cursor: next } = await this.#page(cursor);
      if (next && followed.has(next)) throw new MalformedAnswer("leads back to itself by its next_cursor", 200);
      followed.add(next);
      yield data;
      cursor = next ?? null;
    } while (cursor !== null);
  }

  /** @returns {AsyncGenerator<T, void, void>} */
  async *[Symbol.asyncIterator]() {
    for await (const rows of this.pages()) yield* rows;
  }
}
