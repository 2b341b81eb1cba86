// A line "FIRST LAST" of the input adds these jobs, in bulk as the documentation advises, and is answered by a line.
import { createInterface } from "node:readline";
import { Queue } from "bullmq";
import IORedis from "ioredis";

const CHUNK = 1000;
const queue = new Queue("mail", {
  connection: new IORedis(Number(process.env.PEER_REDIS_PORT), "127.0.0.1"),
  defaultJobOptions: { attempts: 3, backoff: { type: "exponential", delay: 1000 }, removeOnComplete: { count: 1000 } },
});
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [first, last] = line.split(" ").map(Number);
  for (let start = first; start < last; start += CHUNK) {
    const numbers = Array.from({ length: Math.min(CHUNK, last - start) }, (_, index) => start + index);
    await queue.addBulk(numbers.map((number) => ({ name: "send", data: { number } })));
  }
  console.log("done");
}
await queue.close();
