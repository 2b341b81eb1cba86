/**
 * What `look` answers once it has `ended`; asks at growing intervals.
 *
 * @template T
 * @param {() => Promise<T>} look
 * @param {(found: T) => boolean} ended
 * @param {string} what
 * @param {{ forMs?: number | undefined, signal?: AbortSignal | undefined }} [options] throws `Unfinished` after `forMs`
 * @returns {Promise<T>}
 */
export function waited<T>(look: () => Promise<T>, ended: (found: T) => boolean, what: string, { forMs, signal }?: {
    forMs?: number | undefined;
    signal?: AbortSignal | undefined;
}): Promise<T>;
export function jobEnded({ job }: {
    job: {
        status: string;
    };
}): boolean;
export function batchEnded({ finished }: {
    finished: boolean;
}): boolean;
export function bulkActionEnded({ status }: {
    status: string;
}): boolean;
