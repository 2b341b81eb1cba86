/** Every request of the API can be made. `HERMODR_OPENAPI` is the file of its description. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";

const installed = dirname(createRequire(import.meta.url).resolve("@hermodr/client/package.json"));
const nouns = await import(join(installed, "src", "operations.js"));
const { paths, components } = JSON.parse(readFileSync(process.env.HERMODR_OPENAPI, "utf-8"));
const operations = Object.values(nouns).flatMap((noun) => Object.values(noun));

/** The stream, the welcome, what a load balancer asks for, what links lead to, and what providers report. */
const OTHERS = [
  "get /v1/inbox/stream",
  "get /",
  "get /health/broker",
  "get /v1/files/{token}",
  "get /v1/providers/{provider}/events",
  "post /v1/providers/{provider}/events",
];

test("every operation has one method", () => {
  const offered = Object.entries(paths).flatMap(([path, verbs]) => Object.keys(verbs).map((verb) => `${verb} ${path}`));
  const wanted = offered.filter((each) => !OTHERS.includes(each)).sort();
  assert.deepEqual(operations.map(({ verb, path }) => `${verb} ${path}`).sort(), wanted);
});

test("each is of the kind that it is described as", () => {
  for (const { kind, verb, path } of operations) {
    assert.equal(kind, described(paths[path][verb], verb), `${verb} ${path}`);
  }
});

function described({ requestBody, parameters = [], responses }, verb) {
  if (requestBody) return "write";
  const schema = responses[200]?.content?.["application/json"]?.schema;
  const answer = schema?.$ref ? components.schemas[schema.$ref.split("/").at(-1)] : schema;
  if (verb === "get" && answer?.properties?.next_cursor) return "list";
  return ["get", "delete"].includes(verb) && parameters.some((each) => each.in === "query") ? "ask" : "call";
}
