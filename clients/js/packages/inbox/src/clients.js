import { InboxClient } from "./client.js";

/**
 * What an element says of the client it wants; without `api` it takes the one of another element of the page.
 * @typedef {{ api: string | null, token: string | null, getToken: (() => string | Promise<string>) | null,
 *   background: boolean }} Asked
 * @typedef {{ client: InboxClient, user: string, users: number }} Shared
 */

/** @type {Set<Shared>} those of this page: however many elements, one stream for each user */
const shared = new Set();
/** @type {Set<() => void>} elements that wait for another's client */
const waiting = new Set();

/** @param {Asked} asked @returns {Shared | null} null: there is none yet; `whenThere` tells */
export function take(asked) {
  const user = userOf(asked);
  let found = [...shared].find((each) => asked.api === null || each.user === user);
  if (found === undefined) {
    if (asked.api === null || (!asked.token && !asked.getToken)) return null;
    const { api, background } = asked;
    const given = { token: asked.token ?? "", getToken: asked.getToken ?? undefined };
    found = { client: new InboxClient({ api, background, ...given }), user, users: 0 };
    shared.add(found);
  } else if (asked.token !== null && asked.token !== "" && asked.token !== found.client.token) {
    found.client.token = asked.token;
  }
  if (found.users++ === 0) found.client.start();
  for (const each of [...waiting]) each();
  return found;
}

/** @param {Shared} taken */
export function leave(taken) {
  if (--taken.users > 0) return;
  taken.client.stop();
  shared.delete(taken);
}

/** @param {() => void} told @returns {() => void} ends it */
export function whenThere(told) {
  const once = () => {
    waiting.delete(once);
    told();
  };
  waiting.add(once);
  return () => waiting.delete(once);
}

/** Whose: tokens of one user follow each other. @param {Asked} asked */
function userOf({ api, token, getToken }) {
  const base = (api ?? "").replace(/\/+$/, "");
  if (getToken !== null && !token) return `${base} ${idOf(getToken)}`;
  try {
    const body = (token ?? "").split(".")[1] ?? "";
    const { sub, project } = JSON.parse(atob(body.replace(/-/g, "+").replace(/_/g, "/")));
    return JSON.stringify([base, project, sub]);
  } catch {
    return `${base} ${token}`; // no token that can be read: the api says what is wrong with it
  }
}

/** @type {WeakMap<object, number>} */
const ids = new WeakMap();
let last = 0;

/** @param {object} each */
function idOf(each) {
  const id = ids.get(each) ?? ++last;
  ids.set(each, id);
  return id;
}
