/** An API that says what a test wants, answer by answer, and remembers what it was asked. */

import { once } from "node:events";
import { createServer } from "node:http";

import { Hermodr } from "@hermodr/client";

export const KEY = "hk_test";

/** @param {import("node:test").TestContext} context closes it */
export async function scripted(context, answers, configuration = {}) {
  const asked = [];
  const left = [...answers];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    asked.push({ method: request.method, url: request.url, headers: request.headers, body });
    const answer = left.length > 1 ? left.shift() : left[0];
    if (typeof answer === "function") return answer(response, request);
    const { status = 200, headers = {}, json, text = json === undefined ? "" : JSON.stringify(json) } = answer;
    const type = status >= 400 ? "application/problem+json" : "application/json";
    response.writeHead(status, { "content-type": type, ...headers }).end(text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const baseUrl = `http://127.0.0.1:${server.address().port}`;
  const retries = { firstPauseMs: 1, longestPauseMs: 5, ...configuration.retries };
  return { hermodr: new Hermodr({ baseUrl, apiKey: KEY, ...configuration, retries }), asked, baseUrl };
}

/** An address where nobody listens. */
export async function closed() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return `http://127.0.0.1:${port}`;
}

export const hangUp = (response) => response.destroy();

export const problem = (status, title, members = {}, headers = {}) => ({
  status,
  headers,
  json: { type: "about:blank", title, status, ...members },
});
