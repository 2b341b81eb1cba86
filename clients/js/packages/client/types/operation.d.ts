export function ask<const V extends Verb, const P extends Path>(verb: V, path: P): Operation<"ask", V, P>;
export function call<const V extends Verb, const P extends Path>(verb: V, path: P): Operation<"call", V, P>;
export function write<const V extends Verb, const P extends Path>(verb: V, path: P): Operation<"write", V, P>;
export function list<const P extends Path>(path: P): Operation<"list", "get", P>;
import type { Verb } from "./shapes.js";
import type { Path } from "./shapes.js";
import type { Operation } from "./shapes.js";
