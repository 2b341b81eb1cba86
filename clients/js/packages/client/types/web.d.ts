/** @type {Crypto} */
export const crypto: Crypto;
