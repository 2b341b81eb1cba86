// Lines of the input give work, each is answered by a line:
// FIRST LAST                 all, in bulk as the documentation advises
// FIRST LAST pace RATE TIME  one after the other at a steady rate, the first at TIME (seconds since the epoch)
// FIRST LAST due GAP TIME    all at once, to be sent at TIME and every GAP seconds
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { Queue } from "bullmq";
import IORedis from "ioredis";

const CHUNK = 1000;
const queue = new Queue("mail", {
  connection: new IORedis(Number(process.env.PEER_REDIS_PORT), "127.0.0.1"),
  defaultJobOptions: { attempts: 3, backoff: { type: "exponential", delay: 1000 }, removeOnComplete: { count: 1000 } },
});
const jobOf = (number, opts) => ({ name: "send", data: { number }, opts });

async function addAll(jobs) {
  for (let start = 0; start < jobs.length; start += CHUNK) await queue.addBulk(jobs.slice(start, start + CHUNK));
}

async function addAtPace(numbers, rate, start) {
  const adding = [];
  for (const [index, number] of numbers.entries()) {
    const wait = (start + index / rate) * 1000 - Date.now();
    if (wait > 0) await pause(wait);
    adding.push(queue.add("send", { number }));
  }
  await Promise.all(adding);
}

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [first, last, how, value, time] = line.split(" ");
  const numbers = Array.from({ length: last - first }, (_, index) => Number(first) + index);
  if (how === "pace") await addAtPace(numbers, Number(value), Number(time));
  else if (how === "due") {
    const due = (index) => (Number(time) + index * Number(value)) * 1000;
    await addAll(numbers.map((number, index) => jobOf(number, { delay: Math.max(0, due(index) - Date.now()) })));
  } else await addAll(numbers.map((number) => jobOf(number)));
  console.log("done");
}
await queue.close();
