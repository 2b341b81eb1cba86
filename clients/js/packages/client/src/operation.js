/** The kinds of calls, as `shapes.ts` explains them. */

/** @import { Operation, Path, Verb } from "./shapes.js" */

/**
 * @template {Verb} const V
 * @template {Path} const P
 * @param {V} verb
 * @param {P} path
 * @returns {Operation<"ask", V, P>}
 */
export const ask = (verb, path) => ({ kind: "ask", verb, path });

/**
 * @template {Verb} const V
 * @template {Path} const P
 * @param {V} verb
 * @param {P} path
 * @returns {Operation<"call", V, P>}
 */
export const call = (verb, path) => ({ kind: "call", verb, path });

/**
 * @template {Verb} const V
 * @template {Path} const P
 * @param {V} verb
 * @param {P} path
 * @returns {Operation<"write", V, P>}
 */
export const write = (verb, path) => ({ kind: "write", verb, path });

/**
 * @template {Path} const P
 * @param {P} path
 * @returns {Operation<"list", "get", P>}
 */
export const list = (path) => ({ kind: "list", verb: "get", path });
