/**
 * A list; nothing is requested before its first row is.
 *
 *     for await (const job of hermodr.jobs.list({ status: "failed" })) …
 *
 * @template T
 * @template P
 */
export class Pages<T, P> {
    /** @param {(cursor: string | null) => Promise<any>} page gets the page that begins there; null: the first */
    constructor(page: (cursor: string | null) => Promise<any>);
    /**
     * The first page alone, with what stands beside its rows.
     *
     * @returns {Promise<P>}
     */
    first(): Promise<P>;
    /**
     * Page by page.
     *
     * @returns {AsyncGenerator<T[], void, void>}
     */
    pages(): AsyncGenerator<T[], void, void>;
    /** @returns {AsyncGenerator<T, void, void>} */
    [Symbol.asyncIterator](): AsyncGenerator<T, void, void>;
    #private;
}
