import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";

import { Webhook, WebhookUnverified } from "@hermodr/client";

const SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDzSSDq3LkYhU=";
const OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SENT = 1795000000;
const NOW = new Date(SENT * 1000);
const BODY = '{"type":"job.completed","timestamp":"2026-11-22T09:00:00.000000Z","data":{"state":"completed","name":"Äda"}}';

/** As Hermodr does it, by Node's own HMAC. */
function signature(secret, body = BODY, timestamp = SENT, id = "msg_1") {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
}

function headers(changes = {}) {
  return { "webhook-id": "msg_1", "webhook-timestamp": `${SENT}`, "webhook-signature": signature(SECRET), ...changes };
}

const refused = (verifying, about) =>
  assert.rejects(verifying, (error) => error instanceof WebhookUnverified && error.message.startsWith(about));

const webhook = new Webhook(SECRET);

test("a signed message is its event, whatever form body and headers have", async () => {
  const event = await webhook.verify(BODY, headers(), { now: NOW });
  assert.equal(event.type, "job.completed");
  assert.equal(event.data.name, "Äda");
  const bytes = new TextEncoder().encode(BODY);
  assert.deepEqual(await webhook.verify(bytes, new Headers(headers()), { now: NOW }), event);
  assert.deepEqual(await webhook.verify(bytes.buffer, headers(), { now: NOW }), event);
  const shouted = Object.fromEntries(Object.entries(headers()).map(([name, value]) => [name.toUpperCase(), [value]]));
  assert.deepEqual(await webhook.verify(BODY, shouted, { now: NOW }), event);
});

test("while a secret is replaced, either of two signatures is enough", async () => {
  const both = headers({ "webhook-signature": `${signature(OTHER)} v1a,bm8= ${signature(SECRET)}` });
  assert.ok(await webhook.verify(BODY, both, { now: NOW }));
  assert.ok(await new Webhook(OTHER).verify(BODY, both, { now: NOW }));
});

test("what was changed on its way is refused", async () => {
  await refused(webhook.verify(BODY.replace("completed", "failed"), headers(), { now: NOW }), "webhook-signature");
  await refused(webhook.verify(BODY, headers({ "webhook-id": "msg_2" }), { now: NOW }), "webhook-signature");
  await refused(webhook.verify(BODY, headers({ "webhook-timestamp": `${SENT + 1}` }), { now: NOW }), "webhook-signature");
  await refused(new Webhook(OTHER).verify(BODY, headers(), { now: NOW }), "webhook-signature");
});

for (const claimed of ["v1,", "v1,!!!", "v2,bm8=", "nothing", "v1,bm8="]) {
  test(`the signature ${claimed} is refused`, () =>
    refused(webhook.verify(BODY, headers({ "webhook-signature": claimed }), { now: NOW }), "webhook-signature"));
}

test("a message is taken for five minutes, by either clock", async () => {
  for (const seconds of [-300, 300]) {
    assert.ok(await webhook.verify(BODY, headers(), { now: new Date((SENT + seconds) * 1000) }));
  }
  for (const seconds of [-301, 301]) {
    await refused(webhook.verify(BODY, headers(), { now: new Date((SENT + seconds) * 1000) }), "webhook-timestamp");
  }
  for (const timestamp of ["NaN", "1e9", "-1", "Infinity"]) {
    await refused(webhook.verify(BODY, headers({ "webhook-timestamp": timestamp }), { now: NOW }), "webhook-timestamp");
  }
});

for (const missing of ["webhook-id", "webhook-timestamp", "webhook-signature"]) {
  test(`a message without ${missing} is refused by name`, () =>
    refused(webhook.verify(BODY, headers({ [missing]: undefined }), { now: NOW }), missing));
}

test("a body that was parsed already is the application's mistake, and told as such", async () => {
  for (const body of [JSON.parse(BODY), null, undefined]) {
    await assert.rejects(webhook.verify(body, headers(), { now: NOW }), { name: "TypeError", message: /as received/ });
  }
});

test("what is signed but no JSON is refused", () =>
  refused(webhook.verify("no", headers({ "webhook-signature": signature(SECRET, "no") }), { now: NOW }), "the body"));

for (const secret of ["", "whsec_", "whsec_!!", "C2FVsBQIhrscChlQIMV", undefined]) {
  test(`${secret} is no secret`, () => assert.throws(() => new Webhook(secret), TypeError));
}
