import assert from "node:assert/strict";
import { test } from "node:test";

import * as hermodrjs from "@hermodr/client";
import { Hermodr, NoAnswer, NotConfigured, NotSendable, Problem } from "@hermodr/client";

import { KEY, closed, hangUp, problem, scripted } from "./scripted_api.js";

const ACCEPTED = { status: 202, json: { job_id: "j1", message_id: "<j1@x>", status: "queued", status_url: "/v1/jobs/j1" } };
const MAIL = { to: "ada@example.com", subject: "Hello", body_text: "It works." };

test("a notification is posted with key, Idempotency-Key and the recipient by kind", async (t) => {
  const { hermodr, asked } = await scripted(t, [ACCEPTED]);
  assert.equal((await hermodr.send(MAIL)).job_id, "j1");
  await hermodr.send({ ...MAIL, to: "+15550100" }, { idempotencyKey: "booking-17" });
  assert.deepEqual(JSON.parse(asked[0].body).to, { email: "ada@example.com" });
  assert.deepEqual(JSON.parse(asked[1].body).to, { phone: "+15550100" });
  assert.equal(asked[0].headers.authorization, `Bearer ${KEY}`);
  assert.match(asked[0].headers["idempotency-key"], /^[0-9a-f-]{36}$/);
  assert.equal(asked[1].headers["idempotency-key"], "booking-17");
});

test("a POST whose answer gets lost is tried again under the same key", async (t) => {
  const { hermodr, asked } = await scripted(t, [hangUp, problem(503, "Later"), ACCEPTED]);
  assert.equal((await hermodr.send(MAIL)).job_id, "j1");
  assert.equal(asked.length, 3);
  assert.equal(new Set(asked.map((each) => each.headers["idempotency-key"])).size, 1);
});

test("a PATCH whose answer gets lost is not tried again", async (t) => {
  const { hermodr, asked } = await scripted(t, [hangUp]);
  await assert.rejects(hermodr.templates.change("t1", { critical: true }), (error) => {
    assert.ok(error instanceof NoAnswer && error.reached);
    return true;
  });
  assert.equal(asked.length, 1);
});

test("a PATCH that did not arrive, or came too fast, is tried again", async (t) => {
  const { hermodr, asked } = await scripted(t, [problem(429, "Slow down", {}, { "retry-after": "0" }), { json: {} }]);
  await hermodr.templates.change("t1", { critical: true });
  assert.equal(asked.length, 2);
  const baseUrl = await closed();
  const nobody = new Hermodr({ baseUrl, apiKey: KEY, retries: { attempts: 2, firstPauseMs: 1 } });
  await assert.rejects(nobody.templates.change("t1", { critical: true }), (error) => {
    assert.ok(error instanceof NoAnswer && !error.reached && error.attempts === 2, error.message);
    return true;
  });
});

test("Retry-After makes a pause longer, and too long a one ends the call at once", async (t) => {
  const slow = await scripted(t, [problem(503, "Later", {}, { "retry-after": "1" }), { json: {} }]);
  const began = Date.now();
  await slow.hermodr.jobs.get("j1");
  assert.ok(Date.now() - began >= 990);
  const { hermodr, asked } = await scripted(t, [problem(429, "Tomorrow", { quota: "accepted_per_day" }, { "retry-after": "3600" })]);
  await assert.rejects(hermodr.send(MAIL), (error) => {
    assert.equal(error.name, "RateLimited");
    assert.equal(error.retryAfter, 3600);
    assert.equal(error.members.quota, "accepted_per_day");
    return true;
  });
  assert.equal(asked.length, 1);
});

for (const [status, kind] of Object.entries({
  400: "BadRequest",
  401: "Unauthenticated",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  413: "TooLarge",
  418: "Problem",
  422: "Invalid",
})) {
  test(`${status} is ${kind}, and not tried again`, async (t) => {
    const errors = [{ loc: ["body", "to"], msg: "is missing" }];
    const { hermodr, asked } = await scripted(t, [problem(Number(status), "No", { errors, request_id: "r1", job_id: "j0" })]);
    await assert.rejects(hermodr.send(MAIL), (error) => {
      assert.ok(error instanceof hermodrjs[kind] && error instanceof Problem);
      assert.equal(error.message, `${status} No: body.to: is missing (request r1)`);
      assert.deepEqual(error.errors, errors);
      assert.deepEqual(error.members, { job_id: "j0" });
      assert.ok(!error.stack.includes(KEY));
      return true;
    });
    assert.equal(asked.length, 1);
  });
}

test("problems of a type of their own have a class of their own", async (t) => {
  const type = "urn:hermodr:problem:singleton-taken";
  const { hermodr } = await scripted(t, [problem(409, "Taken", { type, job_id: "j0" })]);
  await assert.rejects(hermodr.jobs.create({ type: "export" }), { name: "SingletonTaken" });
});

test("what another server says is no answer of Hermodr's", async (t) => {
  const page = { headers: { "content-type": "text/html" }, text: "<h1>Welcome</h1>" };
  const { hermodr } = await scripted(t, [page, { ...page, status: 418 }]);
  await assert.rejects(hermodr.jobs.get("j1"), { name: "MalformedAnswer" });
  await assert.rejects(hermodr.jobs.get("j1"), { name: "Problem", message: /text\/html/ });
});

test("a redirect is not followed: the key is for this address alone", async (t) => {
  const { hermodr, asked } = await scripted(t, [{ status: 307, headers: { location: "/elsewhere" } }]);
  await assert.rejects(hermodr.jobs.get("j1"), { name: "Problem", status: 307 });
  assert.equal(asked.length, 1);
});

test("an attempt that takes too long ends; the caller's signal ends everything", async (t) => {
  const { hermodr, asked } = await scripted(t, [() => {}], { timeoutMs: 50, retries: { attempts: 2 } });
  await assert.rejects(hermodr.jobs.get("j1"), { name: "NoAnswer", attempts: 2 });
  assert.equal(asked.length, 2);
  const ending = new AbortController();
  const asking = hermodr.jobs.get("j1", { signal: ending.signal, timeoutMs: 60_000 });
  setTimeout(() => ending.abort(new Error("the user left")), 20);
  await assert.rejects(asking, { message: "the user left" });
  await assert.rejects(hermodr.jobs.get("j1", { signal: ending.signal }), { message: "the user left" });
});

test("a list is read page by page, and only as far as it is looked at", async (t) => {
  const pages = [{ json: { data: [{ id: "1" }, { id: "2" }], next_cursor: "c1" } }, { json: { data: [{ id: "3" }], next_cursor: null } }];
  const { hermodr, asked } = await scripted(t, pages);
  const found = [];
  for await (const job of hermodr.jobs.list({ status: "failed", limit: 2, group_id: undefined })) found.push(job.id);
  assert.deepEqual(found, ["1", "2", "3"]);
  assert.deepEqual(asked.map((each) => each.url), ["/v1/jobs?status=failed&limit=2", "/v1/jobs?status=failed&limit=2&cursor=c1"]);
  const again = await scripted(t, pages);
  for await (const job of again.hermodr.jobs.list()) if (job.id === "2") break;
  assert.equal(again.asked.length, 1);
  assert.equal((await again.hermodr.jobs.list().first()).next_cursor, null);
});

test("a list that leads to itself ends", async (t) => {
  const { hermodr } = await scripted(t, [{ json: { data: [], next_cursor: "c1" } }]);
  const reading = async () => {
    for await (const _ of hermodr.jobs.list()) assert.fail();
  };
  await assert.rejects(reading(), { name: "MalformedAnswer" });
});

test("a list that goes in circles ends", async (t) => {
  const pages = ["c1", "c2", "c1", "c2"].map((next_cursor) => ({ json: { data: [], next_cursor } }));
  const { hermodr, asked } = await scripted(t, pages);
  const reading = async () => {
    for await (const _ of hermodr.jobs.list()) assert.fail();
  };
  await assert.rejects(reading(), { name: "MalformedAnswer" });
  assert.equal(asked.length, 3);
});

test("a function for the key that fails is not asked again", async (t) => {
  const { asked, baseUrl } = await scripted(t, [ACCEPTED]);
  let calls = 0;
  const apiKey = async () => {
    calls += 1;
    throw new Error("the vault is sealed");
  };
  const failing = new Hermodr({ baseUrl, apiKey });
  const told = (error) => error instanceof NotConfigured && error.cause.message === "the vault is sealed";
  await assert.rejects(failing.jobs.get("1"), told);
  assert.deepEqual([calls, asked.length], [1, 0]);
});

test("ids are escaped, and none may be missing", async (t) => {
  const { hermodr, asked } = await scripted(t, [{ json: {} }]);
  await hermodr.providers.test("smtp/../x?", { to: "ada@example.com" });
  assert.equal(asked[0].url, "/v1/providers/smtp%2F..%2Fx%3F/test");
  for (const id of [undefined, "", "..", "."]) assert.throws(() => hermodr.jobs.get(id), TypeError);
});

test("what JSON cannot say is not sent", async (t) => {
  const { hermodr, asked } = await scripted(t, [ACCEPTED]);
  const circle = {};
  circle.itself = circle;
  for (const data of [{ total: NaN }, { total: Infinity }, { total: 1n }, circle]) {
    await assert.rejects(hermodr.send({ ...MAIL, data }), NotSendable);
  }
  await assert.rejects(hermodr.send({ ...MAIL, to: "ada" }), NotSendable);
  await assert.rejects(hermodr.send(MAIL, { idempotencyKey: "" }), NotSendable);
  assert.equal(asked.length, 0);
});

test("many are sent in requests of 10,000, and an interrupted call can go on", async (t) => {
  const accepted = (accepted, batch_id, rejected = []) => ({ status: 202, json: { batch_id, accepted, rejected } });
  const { hermodr, asked } = await scripted(t, [accepted(9_999, "b1", [{ index: 3, errors: [] }]), accepted(5, "b2", [{ index: 1, errors: [] }]), problem(403, "No")]);
  function* items(count) {
    for (let index = 0; index < count; index++) yield MAIL;
  }
  const sent = await hermodr.sendMany(items(10_006), { idempotencyKey: "k" });
  assert.deepEqual(sent.batches, ["b1", "b2"]);
  assert.equal(sent.accepted, 10_004);
  assert.deepEqual(sent.rejected.map((each) => each.index), [3, 10_001]);
  assert.deepEqual(asked.map((each) => each.headers["idempotency-key"]), ["k.0", "k.1"]);
  assert.equal(asked[0].body.trimEnd().split("\n").length, 10_000);
  await assert.rejects(hermodr.sendMany(items(1), { idempotencyKey: "k" }), (error) => {
    assert.equal(error.name, "BulkInterrupted");
    assert.equal(error.key, "k");
    assert.equal(error.cause.name, "Forbidden");
    return true;
  });
});

test("many with bad ones among them: those are rejected at their place, and the others sent", async (t) => {
  const taken = (response) => {
    const count = asked.at(-1).body.trimEnd().split("\n").length;
    const job_ids = Array.from({ length: count }, (_, at) => (at === 1 ? null : `job-${at}`));
    const rejected = [{ index: 1, errors: [{ loc: ["to"], msg: "no" }] }];
    response.writeHead(202, { "content-type": "application/json" });
    response.end(JSON.stringify({ batch_id: `b${count}`, accepted: count - 1, rejected, job_ids }));
  };
  const { hermodr, asked } = await scripted(t, [taken]);
  const circle = {};
  circle.itself = circle;
  const bad = [
    { ...MAIL, to: "ada" },
    { ...MAIL, data: circle },
    { ...MAIL, data: { total: NaN } },
    { ...MAIL, body_text: "x".repeat(11_000_000) },
    null,
    undefined,
    "text",
    { ...MAIL, toJSON: () => undefined },
    Object.defineProperty({}, "to", { get: () => assert.fail("secret") }),
  ];
  const good = Array.from({ length: 10_001 }, () => MAIL);
  const items = [bad[0], ...good.slice(0, 10_000), ...bad.slice(1), MAIL, MAIL, bad[0]];
  const sent = await hermodr.sendMany(items, { idempotencyKey: "k", jobIds: true });
  assert.deepEqual(asked.map((each) => each.headers["idempotency-key"]), ["k.0", "k.1"]);
  assert.equal(sent.accepted, 9_999 + 1);
  assert.deepEqual(sent.rejected.map((each) => each.index), [0, 2, 10_001, 10_002, 10_003, 10_004, 10_005, 10_006, 10_007, 10_008, 10_010, 10_011]);
  assert.match(sent.rejected[0].errors[0].msg, /^to: a text is an address/);
  assert.ok(sent.rejected.every((each) => !each.errors[0].msg.includes("secret")));
  assert.deepEqual(sent.jobIds.slice(0, 4), [null, "job-0", null, "job-2"]);
  assert.deepEqual(sent.jobIds.slice(-4), [null, "job-0", null, null]);
  assert.equal(sent.jobIds.length, items.length);

  const none = await hermodr.sendMany([bad[0]], { jobIds: true });
  assert.deepEqual([none.accepted, none.batches, none.jobIds], [0, [], [null]]);
  assert.equal(asked.length, 2);
});

test("many that cannot be read to their end: what was sent is told, with the key to go on", async (t) => {
  const { hermodr, asked } = await scripted(t, [{ status: 202, json: { batch_id: "b1", accepted: 10_000, rejected: [] } }]);
  const lost = new Error("the table is gone");
  function* items(count) {
    for (let index = 0; index < count; index++) yield MAIL;
    throw lost;
  }
  await assert.rejects(hermodr.sendMany(items(5)), (error) => error === lost);
  assert.equal(asked.length, 0);
  await assert.rejects(hermodr.sendMany(items(10_005)), (error) => {
    assert.equal(error.name, "BulkInterrupted");
    assert.equal(error.sent.accepted, 10_000);
    assert.equal(asked[0].headers["idempotency-key"], `${error.key}.0`);
    assert.equal(error.cause, lost);
    return true;
  });
  assert.equal(asked.length, 1);
});

test("what is not configured is said, without the key", () => {
  assert.throws(() => new Hermodr({ apiKey: KEY, baseUrl: "" }), NotConfigured);
  assert.throws(() => new Hermodr({ baseUrl: "http://127.0.0.1:8000", apiKey: "" }), NotConfigured);
  for (const baseUrl of ["localhost:8000", "ftp://x", "http://u:p@x", "http://x?y", "nonsense"]) {
    assert.throws(() => new Hermodr({ baseUrl, apiKey: KEY }), NotConfigured);
  }
  assert.throws(() => new Hermodr({ baseUrl: "http://x", apiKey: "hk_ä" }), (error) => {
    assert.ok(error instanceof NotConfigured && !error.message.includes("hk_ä"));
    return true;
  });
});

test("a token may be asked for anew before each request", async (t) => {
  let number = 0;
  const { hermodr, asked } = await scripted(t, [{ json: {} }], { apiKey: async () => `token-${++number}` });
  await hermodr.inbox.unreadCount();
  await hermodr.inbox.unreadCount();
  assert.deepEqual(asked.map((each) => each.headers.authorization), ["Bearer token-1", "Bearer token-2"]);
});
