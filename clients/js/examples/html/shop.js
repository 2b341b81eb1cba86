/* What an application knows of its user: where Hermodr is, and the token that its own server signed. Here both come
   from the address, `#api=http://127.0.0.1:8000&token=…`, so that the page can be tried without a server. */
const given = new URLSearchParams(location.hash.slice(1));
const api = given.get("api") ?? "http://127.0.0.1:8000";

const inbox = document.querySelector("hermodr-inbox");
for (const [name, value] of given) {
  if (name !== "job") inbox.setAttribute(name, value);
}
inbox.setAttribute("api", api);
inbox.addEventListener("hermodr:count", (event) => {
  document.title = event.detail.unread > 0 ? `(${event.detail.unread}) A shop with an inbox` : "A shop with an inbox";
});

for (const id of given.getAll("job")) {
  const job = document.createElement("hermodr-job");
  job.setAttribute("job", id);
  document.querySelector("#jobs").append(job);
}

await import(`${api}/widget/hermodr-inbox.js`);
