// BullMQ with nodemailer: fifty jobs at a time, pooled SMTP connections. No rows: Redis keeps the jobs.
import { Worker } from "bullmq";
import IORedis from "ioredis";
import nodemailer from "nodemailer";

const transport = nodemailer.createTransport({
  host: "127.0.0.1", port: Number(process.env.PEER_SMTP_PORT), secure: false, ignoreTLS: true,
  pool: true, maxConnections: 10, maxMessages: Infinity,
});

const worker = new Worker("mail", async (job) => {
  const name = `Reader ${job.data.number}`;
  const link = `https://example.com/news/${job.data.number}`;
  await transport.sendMail({
    from: "News <news@example.com>",
    to: `reader-${job.data.number}@example.com`,
    subject: `News for ${name}`,
    text: `Hello ${name},\n\nthere is news: ${link}\n`,
    html: `<html><body><h1>Hello ${name}</h1>`
      + `<p>There is <a href='${link}'>news</a> for you today.</p>`.repeat(20) + "</body></html>",
  });
}, {
  connection: new IORedis(Number(process.env.PEER_REDIS_PORT), "127.0.0.1", { maxRetriesPerRequest: null }),
  concurrency: 50, removeOnComplete: { count: 1000 },
});
worker.on("error", (error) => console.error(error));
process.on("SIGTERM", async () => { await worker.close(); transport.close(); process.exit(0); });
