/** Against a running installation: HERMODR_API_URL and HERMODR_API_KEY, as for any user of the client. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { Hermodr } from "@hermodr/client";

const hermodr = new Hermodr();
const address = () => `${randomUUID()}@javascript.example`;
const mail = () => ({ to: address(), subject: "From Node", body_text: "It works." });

test("a mail is sent, waited for, and told about", async () => {
  const { job_id } = await hermodr.send(mail());
  const { job, deliveries } = await hermodr.jobs.wait(job_id);
  assert.equal(job.status, "completed", JSON.stringify(deliveries));
  assert.equal(deliveries[0].state, "sent");
  const { data } = await hermodr.jobs.timeline(job_id);
  assert.ok(data.some((each) => each.event === "requested"));
});

test("the same key is the same job, whatever happened in between", async () => {
  const idempotencyKey = randomUUID();
  const once = mail();
  const first = await hermodr.send(once, { idempotencyKey });
  assert.deepEqual(await hermodr.send(once, { idempotencyKey }), first);
  await assert.rejects(hermodr.send(mail(), { idempotencyKey }), { name: "IdempotencyKeyReused" });
});

test("many are sent, a bad one refuses no other, and the batch is waited for", async () => {
  const items = Array.from({ length: 60 }, mail);
  items[7] = { ...items[7], to: { email: "no address" } };
  const sent = await hermodr.sendMany(items, { jobIds: true });
  assert.equal(sent.accepted, 59);
  assert.deepEqual(sent.rejected.map((each) => each.index), [7]);
  assert.equal(sent.jobIds[7], null);
  const batch = await hermodr.batches.wait(sent.batches[0]);
  assert.deepEqual(batch.counts, { completed: 59 });
  const listed = new Set();
  for await (const job of hermodr.jobs.list({ batch_id: batch.batch_id, limit: 20 })) listed.add(job.id);
  assert.deepEqual(listed, new Set(sent.jobIds.filter(Boolean)));
});

test("what is wrong is said by name", async () => {
  await assert.rejects(hermodr.send({ to: "ada@example.com" }), (error) => {
    assert.equal(error.name, "Invalid");
    assert.ok(error.errors.length > 0 && error.requestId);
    return true;
  });
  await assert.rejects(hermodr.jobs.get(randomUUID()), { name: "NotFound" });
  await assert.rejects(new Hermodr({ apiKey: "hk_wrong" }).jobs.get(randomUUID()), { name: "Unauthenticated" });
});

test("what waits is cancelled by its key, and not twice", async () => {
  const cancel_key = randomUUID();
  const { job_id } = await hermodr.send({ ...mail(), delay_seconds: 600, cancel_key });
  assert.deepEqual(await hermodr.jobs.cancelByKey({ cancel_key }), { cancelled: 1, too_late: 0 });
  await assert.rejects(hermodr.jobs.cancel(job_id), { name: "Conflict" });
  assert.equal((await hermodr.jobs.get(job_id)).job.status, "cancelled");
  await assert.rejects(
    hermodr.jobs.wait((await hermodr.send({ ...mail(), delay_seconds: 600, cancel_key })).job_id, { forMs: 200 }),
    { name: "Unfinished" },
  );
  assert.equal((await hermodr.jobs.cancelByKey({ cancel_key })).cancelled, 1);
});

test("recipients are made, changed, found and erased", async () => {
  const external_id = randomUUID();
  await hermodr.recipients.upsert({ external_id, name: "Ada", email: address() });
  const { data } = await hermodr.recipients.list({ external_id }).first();
  const changed = await hermodr.recipients.change(data[0].id, { name: "Ada Lovelace" });
  assert.equal(changed.name, "Ada Lovelace");
  assert.equal(await hermodr.recipients.delete(changed.id), undefined);
});

test("CSV goes in and comes out", async () => {
  const suppressed = address();
  await hermodr.suppressions.importCsv(`address\n${suppressed}\n`);
  assert.ok((await hermodr.suppressions.exportCsv({ address: suppressed })).includes(suppressed));
  await hermodr.suppressions.removeAddress({ address: suppressed });
  assert.deepEqual((await hermodr.suppressions.list({ address: suppressed }).first()).data, []);
});

test("what would become of a mail is told, and nothing is sent", async () => {
  const { channels } = await hermodr.simulate(mail());
  assert.deepEqual(channels.map((each) => [each.channel, each.verdict]), [["email", "send"]]);
});
