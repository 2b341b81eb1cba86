// Listens as an application's page does, and writes what it hears to standard output, a line of JSON each.
// Its argument is an object: url, token, transports, jobs (ids to follow), handshake (token in the handshake or not).
import { io } from "socket.io-client";

const wanted = JSON.parse(process.argv[2]);
const say = (event, body) => process.stdout.write(JSON.stringify({ event, body }) + "\n");
const socket = io(wanted.url, {
  transports: wanted.transports,
  auth: wanted.handshake ? { token: wanted.token } : undefined,
});

let last;
socket.on("connect", () => {
  say("connect", null);
  if (!wanted.handshake) socket.emit("authenticate", { token: wanted.token });
  for (const job_id of wanted.jobs ?? []) socket.emit("subscribe:job", { job_id });
  socket.emit("subscribe:notifications", { last_event_id: last });
});
socket.onAny((event, body) => {
  if (event === "notification") last = body.id;
  say(event, body ?? null);
});
socket.on("disconnect", (reason) => say("disconnect", reason));
socket.on("connect_error", (error) => say("connect_error", error.message));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0)); // whoever started it is gone
