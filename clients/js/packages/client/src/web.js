/**
 * Web Crypto: a global in browsers, Deno, Bun and Node 20; Node 18 keeps it in a module. Its name is held in a variable
 * because bundlers for browsers would look for the module.
 */
const node = "node:crypto";

/** @type {Crypto} */
export const crypto = globalThis.crypto ?? (await import(node)).webcrypto;
