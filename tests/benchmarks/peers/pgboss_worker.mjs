// pg-boss: tasks that do nothing, fetched a thousand at a time, every half second, its shortest interval.
import PgBoss from "pg-boss";

const boss = new PgBoss(process.env.PEER_DATABASE_URL);
boss.on("error", (error) => console.error(error));
await boss.start();
await boss.createQueue("nothing");
await boss.work("nothing", { batchSize: 1000, pollingIntervalSeconds: 0.5 }, async (jobs) => jobs.length);
process.on("SIGTERM", async () => { await boss.stop({ graceful: false }); process.exit(0); });
