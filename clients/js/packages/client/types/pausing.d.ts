/**
 * @param {number} milliseconds
 * @param {AbortSignal} [signal] its reason is thrown
 * @returns {Promise<void>}
 */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void>;
