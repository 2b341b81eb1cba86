/* The headless part, on Node, against an api that is pretended. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Feed, InboxClient, InboxError } from "@hermodr/inbox";

const API = "https://notify.example";
const WORDS = new TextEncoder();

/** A notification. */
function note(id, more = {}) {
  const at = "2026-11-22T09:00:00Z";
  return { id, job_id: id, type: null, title: id, message: "", data: {}, read: false, archived: false, snoozed_until: null, created_at: at, ...more };
}

function json(body, status = 200, headers = {}) {
  return new Response(JSON.stringify(body), { status, headers });
}

/** A stream that says these chunks, then stays open until it is let go of, or ends at once. */
function stream(chunks, { ends = false } = {}) {
  return new Response(
    new ReadableStream({
      start(controller) {
        for (const each of chunks) controller.enqueue(WORDS.encode(each));
        if (ends) controller.close();
      },
    }),
  );
}

const COUNT = 'retry: 3000\n\nevent: notification:count\ndata: {"unread":1}\n\n';

/** @param {Record<string, (request: {url: URL, init: RequestInit, nth: number}) => Response | Promise<Response>>} routes by `GET /v1/inbox` */
function clientOf(routes, options = {}) {
  const calls = [];
  const counts = {};
  const fetch = async (address, init) => {
    const url = new URL(address);
    const name = `${init.method} ${url.pathname}`;
    counts[name] = (counts[name] ?? 0) + 1;
    calls.push({ name, url, init });
    const answer = routes[name];
    if (answer === undefined) throw new TypeError(`nobody answers ${name}`);
    return answer({ url, init, nth: counts[name] });
  };
  return { client: new InboxClient({ api: API, token: "t1", fetch, pollSeconds: 0.02, ...options }), calls };
}

/** The next event of that name that fulfils a condition. */
function heard(target, type, condition = () => true) {
  return new Promise((done) => {
    target.addEventListener(type, function listener(event) {
      if (!condition(event.detail)) return;
      target.removeEventListener(type, listener);
      done(event.detail);
    });
  });
}

test("a list says whose it is by the token, and sends no cookie", async () => {
  const { client, calls } = clientOf({ "GET /v1/inbox": () => json({ data: [note("a")], unread_count: 1, next_cursor: null }) });
  const found = await client.list({ read: false, limit: 5 });
  assert.equal(found.data[0].id, "a");
  assert.equal(client.unread, 1);
  assert.equal(calls[0].url.search, "?read=false&limit=5");
  assert.equal(calls[0].init.headers.authorization, "Bearer t1");
  assert.equal(calls[0].init.credentials, "omit");
});

test("pages follow each other", async () => {
  const { client } = clientOf({
    "GET /v1/inbox": ({ url }) =>
      json(url.searchParams.has("cursor") ? { data: [note("b")], unread_count: 2, next_cursor: null } : { data: [note("a")], unread_count: 2, next_cursor: "c" }),
  });
  const ids = [];
  for await (const each of client.all()) ids.push(each.id);
  assert.deepEqual(ids, ["a", "b"]);
});

test("a token that ended is replaced once, for calls at the same time as well", async () => {
  let renewals = 0;
  const getToken = async () => `t${++renewals + 1}`;
  const answer = ({ init }) => (init.headers.authorization === "Bearer t1" ? json({ detail: "ended" }, 401) : json({ unread_count: 0 }));
  const { client } = clientOf({ "GET /v1/inbox/unread-count": answer }, { getToken });
  assert.deepEqual(await Promise.all([client.unreadCount(), client.unreadCount()]), [0, 0]);
  assert.equal(renewals, 1);
});

test("a token that no other replaces is an error that says so", async () => {
  const { client, calls } = clientOf({ "GET /v1/inbox/unread-count": () => json({ title: "Unauthorized", detail: "it has ended" }, 401) }, { getToken: () => "t2" });
  await assert.rejects(client.unreadCount(), (error) => error instanceof InboxError && error.status === 401 && error.message === "it has ended");
  assert.equal(calls.length, 2);
});

test("what is busy is asked again, with the same key", async () => {
  const { client, calls } = clientOf({
    "POST /v1/jobs/j/retry": ({ nth }) => (nth === 1 ? json({ detail: "busy" }, 503, { "retry-after": "0" }) : json({ status: "queued" }, 202)),
  });
  assert.equal((await client.retryJob("j")).status, "queued");
  const keys = calls.map((each) => each.init.headers["idempotency-key"]);
  assert.ok(keys[0]);
  assert.equal(keys[0], keys[1]);
});

test("what the api refuses is not asked again", async () => {
  const { client, calls } = clientOf({ "DELETE /v1/jobs/j": () => json({ detail: "it has ended" }, 409) });
  await assert.rejects(client.cancelJob("j"), { status: 409 });
  assert.equal(calls.length, 1);
});

test("a stream tells, whatever pieces it comes in, and characters too", async () => {
  const text = `${COUNT}:\n\nid: n1\nevent: notification\ndata: ${JSON.stringify(note("n1", { title: "Grüße 🚢" }))}\n\nevent: job:update\ndata: {"job_id":"j","event":"failed","error":"fell"}\n\n`;
  const octets = WORDS.encode(text);
  const body = new ReadableStream({
    start(controller) {
      for (let at = 0; at < octets.length; at += 7) controller.enqueue(octets.slice(at, at + 7));
    },
  });
  const { client } = clientOf({ "GET /v1/inbox/stream": () => new Response(body) });
  const told = Promise.all([heard(client, "count"), heard(client, "notification"), heard(client, "job"), heard(client, "connection", ({ state }) => state === "live")]);
  client.start();
  const [count, notification, job] = await told;
  assert.equal(count.unread, 1);
  assert.equal(notification.title, "Grüße 🚢");
  assert.deepEqual([job.status, job.error], ["failed", "fell"]);
  client.stop();
  assert.equal(client.connection, "stopped");
});

test("a stream that ends is had again where it was, and what is shown is to be read again", async () => {
  const first = `${COUNT}id: n7\nevent: notification\ndata: ${JSON.stringify(note("n7"))}\n\n`;
  const { client, calls } = clientOf({ "GET /v1/inbox/stream": ({ nth }) => stream([nth === 1 ? first : COUNT], { ends: nth === 1 }) });
  const again = heard(client, "refetch");
  client.start();
  await again;
  client.stop();
  assert.equal(calls[0].init.headers["last-event-id"], undefined);
  assert.equal(calls[1].init.headers["last-event-id"], "n7");
});

test("a stream that has begun may be silent for longer than its beginning", async (t) => {
  const real = globalThis.setTimeout;
  const patience = [];
  globalThis.setTimeout = (run, ms, ...more) => {
    patience.push(ms);
    return real(run, ms, ...more);
  };
  t.after(() => (globalThis.setTimeout = real));
  const { client } = clientOf({ "GET /v1/inbox/stream": () => stream([COUNT]) });
  const told = heard(client, "count");
  client.start();
  await told;
  assert.ok(patience.at(-1) > 2 * 15_000, `${patience}`); // the server's sign of life comes every 15 s
  client.stop();
});

test("without a stream it asks now and then, and tells each once", async () => {
  const lists = [[note("a")], [note("b"), note("a")], [note("c"), note("b"), note("a")]];
  const { client } = clientOf({
    "GET /v1/inbox/stream": () => json({}, 502),
    "GET /v1/inbox": ({ nth }) => {
      const data = lists[Math.min(nth, lists.length) - 1];
      return json({ data, unread_count: data.length, next_cursor: null });
    },
    "GET /v1/jobs/j": () => json({ job: { status: "processing", progress: null } }),
  });
  const told = [];
  client.addEventListener("notification", ({ detail }) => told.push(detail.id));
  const unfollow = client.follow("j");
  const all = Promise.all([heard(client, "notification", ({ id }) => id === "c"), heard(client, "job", ({ job_id }) => job_id === "j"), heard(client, "connection", ({ state }) => state === "polling")]);
  client.start();
  await all;
  unfollow();
  client.stop();
  assert.deepEqual(told, ["b", "c"]);
});

test("with nobody to be reached it says so, and goes on", async () => {
  const answers = { "GET /v1/inbox/stream": ({ nth }) => (nth < 3 ? Promise.reject(new TypeError("down")) : stream([COUNT])), "GET /v1/inbox": () => Promise.reject(new TypeError("down")) };
  const { client } = clientOf(answers);
  const states = [];
  client.addEventListener("connection", ({ detail }) => states.push(detail.state));
  const live = heard(client, "connection", ({ state }) => state === "live");
  client.start();
  await live;
  client.stop();
  assert.deepEqual(states, ["connecting", "offline", "live", "stopped"]);
});

test("a stream whose token ended goes on with the next one, or says that there is none", async () => {
  const over = `${COUNT}event: unauthorized\ndata: {"detail":"the token has ended"}\n\n`;
  const routes = { "GET /v1/inbox/stream": ({ nth }) => stream([nth === 1 ? over : COUNT]) };
  const renewing = clientOf(routes, { getToken: () => "t2" });
  const back = heard(renewing.client, "refetch");
  renewing.client.start();
  await back;
  renewing.client.stop();
  assert.equal(renewing.calls[1].init.headers.authorization, "Bearer t2");

  const { client } = clientOf(routes);
  const ended = heard(client, "connection", ({ state }) => state === "unauthorized");
  client.start();
  await ended;
  client.stop();
});

test("a feed shows own changes at once, and takes them back if they fail", async () => {
  const { client } = clientOf({
    "GET /v1/inbox": () => json({ data: [note("a"), note("b"), note("c")], unread_count: 3, next_cursor: null }),
    "PATCH /v1/inbox/b/archive": () => json({ detail: "not found" }, 404),
    "PATCH /v1/inbox/a/read": () => json(note("a", { read: true })),
  });
  const feed = new Feed(client);
  await feed.show("all");
  const failing = feed.archive(feed.items[1]);
  assert.deepEqual(feed.items.map((each) => each.id), ["a", "c"]);
  await assert.rejects(failing, { status: 404 });
  assert.deepEqual(feed.items.map((each) => each.id), ["a", "b", "c"]);
  const marking = feed.mark(feed.items[0], true);
  assert.equal(feed.items[0].read, true);
  await marking;
  feed.close();
});

test("a feed has a further page once, and says what went wrong", async () => {
  const { client } = clientOf({
    "GET /v1/inbox": ({ url }) =>
      url.searchParams.get("archived") ? json({ detail: "no" }, 422) : json({ data: [note(url.searchParams.get("cursor") ? "b" : "a"), note("z")], unread_count: 2, next_cursor: url.searchParams.get("cursor") ? null : "more" }),
  });
  const feed = new Feed(client);
  await feed.show("all");
  assert.equal(feed.hasMore, true);
  await feed.more();
  assert.deepEqual(feed.items.map((each) => each.id), ["a", "z", "b"]);
  assert.equal(feed.hasMore, false);
  await feed.show("archived");
  assert.equal(feed.error.status, 422);
  feed.close();
});
