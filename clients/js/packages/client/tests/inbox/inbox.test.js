/** A user's inbox by their token (HERMODR_USER_TOKEN of the user HERMODR_USER), filled by the API key. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { Hermodr } from "@hermodr/client";

const { HERMODR_USER: user_id, HERMODR_USER_TOKEN: token } = process.env;
const shop = new Hermodr();
const user = new Hermodr({ apiKey: () => token });

test("what is sent to a user is told to them at once, and read", { timeout: 60_000 }, async () => {
  const title = `Hello ${randomUUID()}`;
  const ending = new AbortController();
  const events = user.inbox.stream({ signal: ending.signal });
  assert.equal((await events.next()).value.event, "notification:count");
  await shop.send({ to: { user_id }, channels: ["in_app"], subject: title, body_text: "It works." });
  let told;
  for (let next = await events.next(); !told; next = await events.next()) {
    if (next.value.event === "notification" && next.value.data.title === title) told = next.value;
  }
  assert.equal(told.id, told.data.id);
  await events.return();
  const unread = await user.inbox.list({ read: false }).first();
  assert.ok(unread.unread_count >= 1 && unread.data.some((each) => each.title === title));
  assert.equal((await user.inbox.markRead(told.id)).read, true);
  await user.inbox.markAllRead();
  assert.deepEqual(await user.inbox.unreadCount(), { unread_count: 0 });
});
