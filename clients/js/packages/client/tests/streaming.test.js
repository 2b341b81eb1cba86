import assert from "node:assert/strict";
import { test } from "node:test";

import { hangUp, problem, scripted } from "./scripted_api.js";

const said = (text, andThen = (response) => response.end()) => (response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  // in pieces that split lines and characters
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 7) response.write(bytes.subarray(at, at + 7));
  andThen(response);
};
const one = (id) => `id: ${id}\r\nevent: notification\r\ndata: {"title":"Ä ${id}"}\r\n\r\n`;

async function first(count, events) {
  const heard = [];
  for await (const event of events) if (heard.push(event) === count) break;
  return heard;
}

test("a stream that breaks goes on after the last event, and tells none twice", async (t) => {
  const { hermodr, asked } = await scripted(t, [
    said(`retry: 1\n\nevent: notification:count\ndata: {"unread":2}\n\n: still here\n\n${one("n1")}`),
    hangUp,
    problem(503, "Later"),
    said(one("n1") + one("n2"), () => {}),
  ]);
  const heard = await first(3, hermodr.inbox.stream());
  assert.deepEqual(heard, [
    { event: "notification:count", data: { unread: 2 }, id: null },
    { event: "notification", data: { title: "Ä n1" }, id: "n1" },
    { event: "notification", data: { title: "Ä n2" }, id: "n2" },
  ]);
  assert.deepEqual(asked.map((each) => each.headers["last-event-id"]), [undefined, "n1", "n1", "n1"]);
  assert.ok(asked.every((each) => each.headers.accept === "text/event-stream"));
});

test("a stream goes on where another ended", async (t) => {
  const { hermodr, asked } = await scripted(t, [said(one("n2"), () => {})]);
  await first(1, hermodr.inbox.stream({ lastEventId: "n1" }));
  assert.equal(asked[0].headers["last-event-id"], "n1");
});

test("a token that has ended, and an API that stays away, are thrown", async (t) => {
  const refused = await scripted(t, [problem(401, "No")]);
  await assert.rejects(first(1, refused.hermodr.inbox.stream()), { name: "Unauthenticated" });
  assert.equal(refused.asked.length, 1);
  const away = await scripted(t, [hangUp], { retries: { totalMs: 30 } });
  await assert.rejects(first(1, away.hermodr.inbox.stream()), { name: "NoAnswer" });
  assert.ok(away.asked.length > 1);
});

test("the caller's signal ends a stream", async (t) => {
  const { hermodr } = await scripted(t, [said(one("n1"), () => {})]);
  const ending = new AbortController();
  const reading = async () => {
    for await (const _ of hermodr.inbox.stream({ signal: ending.signal })) ending.abort(new Error("the page is left"));
  };
  await assert.rejects(reading(), { message: "the page is left" });
});
