// Lines of the input give work, FIRST LAST, in bulk; each is answered by a line.
import { createInterface } from "node:readline";
import PgBoss from "pg-boss";

const CHUNK = 1000;
const boss = new PgBoss(process.env.PEER_DATABASE_URL);
boss.on("error", (error) => console.error(error));
await boss.start();
await boss.createQueue("nothing");
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [first, last] = line.split(" ").map(Number);
  const jobs = Array.from({ length: last - first }, (_, index) => ({ name: "nothing", data: { number: first + index } }));
  for (let start = 0; start < jobs.length; start += CHUNK) await boss.insert(jobs.slice(start, start + CHUNK));
  console.log("done");
}
await boss.stop({ graceful: false });
