import { Unfinished } from "./errors.js";
import { pause } from "./pausing.js";

const FIRST_LOOK_MS = 100;
const LONGEST_LOOK_MS = 5_000;
const SLOWER = 1.5;
const TERMINAL = ["completed", "failed", "cancelled", "skipped"];

/** @param {{ job: { status: string } }} detail */
export const jobEnded = ({ job }) => TERMINAL.includes(job.status);

/** @param {{ finished: boolean }} batch */
export const batchEnded = ({ finished }) => finished;

/** @param {{ status: string }} action */
export const bulkActionEnded = ({ status }) => status !== "running";

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
export async function waited(look, ended, what, { forMs = 60_000, signal } = {}) {
  const until = Date.now() + forMs;
  for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * SLOWER, LONGEST_LOOK_MS)) {
    const found = await look();
    if (ended(found)) return found;
    const left = until - Date.now();
    if (left <= 0) throw new Unfinished(`${what} is not finished after ${forMs / 1000} s`, found);
    await pause(Math.min(wait, left), signal);
  }
}
