/** Held by `make javascript`: what TypeScript knows of the client, by its shipped declarations. It never runs. */

import { Hermodr, Problem, Webhook, type Notification, type Schemas } from "@hermodr/client";

const hermodr = new Hermodr({ apiKey: async () => "token", retries: { attempts: 1 } });
const mail: Notification = { to: "ada@example.com", subject: "Hello", body_text: "It works.", priority: "urgent" };

export async function typed(signal: AbortSignal): Promise<void> {
  const accepted: Schemas["AcceptedView"] = await hermodr.send(mail, { idempotencyKey: "booking-17", signal });
  const { job, deliveries } = await hermodr.jobs.wait(accepted.job_id, { forMs: 1000 });
  const status: "completed" | "failed" | (string & {}) = job.status;
  const text: string[] = [status, ...deliveries.map((each) => each.channel)];
  for await (const each of hermodr.jobs.list({ status: "failed" }, { signal })) text.push(each.id);
  for await (const rows of hermodr.recipients.list().pages()) text.push(...rows.map((each) => each.id));
  const unread: number = (await hermodr.inbox.list().first()).unread_count;
  const nothing: undefined = await hermodr.groups.delete("g1");
  const csv: string = await hermodr.suppressions.exportCsv();
  await hermodr.groups.changeMember("g1", "m1", { role: "organizer" });
  await hermodr.templates.version("t1", 3);
  await hermodr.queues.pause("email");
  await hermodr.inbox.markRead("n1", { query: { user_id: "ada" } });
  for await (const { event, data } of hermodr.inbox.stream()) text.push(event, data.title);
  const { type }: { type: string } = await new Webhook("whsec_bm8=").verify(new Uint8Array(), new Headers());
  const { done }: { done: number } = await hermodr.bulkActions.wait("b1");
  const begun = await hermodr.bulkActions.create({ action: "retry", filter: { type: "magic_link" } });
  text.push("id" in begun ? begun.status : `${begun.matched} of ${done}`);
  console.log(text, unread, nothing, csv, type, new Problem(404, {}).requestId);
  // @ts-expect-error there is no such state
  hermodr.jobs.list({ status: "lost" });
  // @ts-expect-error an id is missing
  hermodr.jobs.get();
  // @ts-expect-error there is no such field
  await hermodr.send({ ...mail, subjekt: "Hello" });
  // @ts-expect-error a member has two ids
  await hermodr.groups.changeMember("g1", { role: "organizer" });
}
