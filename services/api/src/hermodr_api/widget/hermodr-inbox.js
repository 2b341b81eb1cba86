// Hermodr's inbox for pages, Apache-2.0. Made from clients/js/packages/inbox, where it can be read.
class InboxEvent extends Event {
constructor(type, detail) {
super(type);
this.detail = detail;
}
}
async function* eventsOf(body, alive) {
const reader = body.getReader();
const decoder = new TextDecoder();
let rest = "";
try {
for (;;) {
const { done, value } = await reader.read();
if (done) return;
alive();
const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
rest = blocks.pop() ?? "";
for (const block of blocks) {
const found = parsed(block);
if (found !== null) yield found;
}
}
} finally {
reader.cancel().catch(() => {});
}
}
function parsed(block) {
let event = "message";
let data = "";
let id = null;
for (const line of block.split("\n")) {
const at = line.indexOf(":");
const value = line.slice(at + 1).replace(/^ /, "");
const name = at < 0 ? line : line.slice(0, at);
if (name === "event") event = value;
else if (name === "data") data += value;
else if (name === "id") id = value;
}
return data === "" ? null : { event, data: JSON.parse(data), id };
}
const SILENT_MS = 40_000;
const BEGIN_MS = 10_000;
const FIRST_WAIT_MS = 1_000;
const HIDDEN_MS = 30_000;
class Live {
lastEventId = null;
#running = null;
#hurry = null;
#heardOnce = false;
#ends;
#pollMs;
constructor(ends, pollMs) {
this.#ends = ends;
this.#pollMs = pollMs;
}
start() {
if (this.#running !== null) return;
this.#running = new AbortController();
void this.#run(this.#running.signal);
}
stop(connection = "stopped") {
this.#running?.abort();
this.#running = null;
this.#ends.became(connection);
}
hurry() {
this.#hurry?.();
}
async #run(signal) {
let failures = 0;
this.#ends.became("connecting");
while (!signal.aborted) {
const heard = await this.#listen(signal);
if (signal.aborted) return;
failures = heard ? 0 : failures + 1;
if (failures > 0) await this.#poll(signal);
else this.#ends.became("connecting");
if (signal.aborted) return;
await this.#wait(Math.min(FIRST_WAIT_MS * 2 ** failures, this.#pollMs), signal);
}
}
async #listen(signal) {
const once = new AbortController();
const end = () => once.abort();
signal.addEventListener("abort", end, { once: true });
let timer = setTimeout(end, BEGIN_MS);
let told = false;
try {
const body = await this.#ends.open(this.lastEventId, once.signal);
const alive = () => {
clearTimeout(timer);
timer = setTimeout(end, told ? SILENT_MS : BEGIN_MS);
};
for await (const event of eventsOf(body, alive)) {
if (signal.aborted) return told;
if (event.event === "unauthorized") return (await this.#renewed()) && told;
if (!told) {
told = true;
alive();
this.#began();
}
if (event.id !== null) this.lastEventId = event.id;
this.#ends.heard(event);
}
} catch (error) {
if (!signal.aborted && this.#ends.refused(error)) this.stop("unauthorized");
} finally {
clearTimeout(timer);
once.abort();
signal.removeEventListener("abort", end);
}
return told;
}
#began() {
this.#ends.became("live");
if (this.#heardOnce) this.#ends.reconnected();
this.#heardOnce = true;
}
async #renewed() {
const renewed = await this.#ends.renew().catch(() => false);
if (!renewed) this.stop("unauthorized");
return renewed;
}
async #poll(signal) {
try {
await this.#ends.poll(signal);
if (!signal.aborted) this.#ends.became("polling");
} catch (error) {
if (signal.aborted) return;
if (this.#ends.refused(error)) this.stop("unauthorized");
else this.#ends.became("offline");
}
}
#wait(ms, signal) {
return new Promise(( done) => {
const over = () => {
clearTimeout(timer);
signal.removeEventListener("abort", over);
this.#hurry = null;
done();
};
const timer = setTimeout(over, ms * (0.5 + Math.random()));
signal.addEventListener("abort", over, { once: true });
this.#hurry = over;
});
}
}
function whileVisible(live) {
if (typeof document === "undefined") return () => {};
let timer;
const pause = () => live.stop("paused");
const changed = () => {
clearTimeout(timer);
if (document.visibilityState === "hidden") timer = setTimeout(pause, HIDDEN_MS);
else live.start();
};
const online = () => live.hurry();
document.addEventListener("visibilitychange", changed);
addEventListener("pagehide", pause);
addEventListener("pageshow", changed);
addEventListener("online", online);
return () => {
clearTimeout(timer);
document.removeEventListener("visibilitychange", changed);
removeEventListener("pagehide", pause);
removeEventListener("pageshow", changed);
removeEventListener("online", online);
};
}
class InboxError extends Error {
constructor(message, status = 0, problem = {}, retryAfter = null) {
super(message);
this.name = "InboxError";
this.status = status;
this.problem = problem;
this.retryAfter = retryAfter;
}
}
const TIMEOUT_MS = 20_000;
const TRIES = 3;
const LONGEST_WAIT_SECONDS = 10;
const POLLED = 20;
class InboxClient extends EventTarget {
unread = null;
connection = "stopped";
#followed = new Map();
#renewing = null;
#ignore = null;
#live;
#options;
#api;
#token;
constructor(options) {
super();
this.#options = options;
this.#api = options.api.replace(/\/+$/, "");
this.#token = options.token ?? "";
const ends = {
open: this.#open.bind(this),
poll: this.#poll.bind(this),
heard: this.#heard.bind(this),
became: this.#became.bind(this),
reconnected: () => this.#tell("refetch"),
refused: ( error) => error instanceof InboxError && error.status === 401,
renew: async () => (await this.#renew()) !== "",
};
this.#live = new Live(ends, (options.pollSeconds ?? 30) * 1000);
}
get api() {
return this.#api;
}
get token() {
return this.#token;
}
set token(token) {
this.#token = token;
if (this.connection === "unauthorized") this.#live.start();
}
start() {
if (this.#ignore === null && !this.#options.background) this.#ignore = whileVisible(this.#live);
this.#live.start();
}
stop() {
this.#ignore?.();
this.#ignore = null;
this.#live.stop();
}
async list(options = {}) {
const found = await this.#json("GET", "/v1/inbox", { query: options });
this.#count(found.unread_count);
const first = Object.keys(options).every((each) => each === "limit") ? found.data[0] : undefined;
if (first !== undefined) this.#live.lastEventId ??= first.id;
return found;
}
async *all(options = {}) {
let cursor = options.cursor ?? null;
do {
const page = await this.list({ ...options, cursor });
yield* page.data;
cursor = page.next_cursor;
} while (cursor !== null);
}
async unreadCount() {
return this.#count((await this.#json("GET", "/v1/inbox/unread-count")).unread_count);
}
show(id) {
return this.#json("GET", `/v1/inbox/${encodeURIComponent(id)}`);
}
read(id) {
return this.#mark(id, "read");
}
markUnread(id) {
return this.#mark(id, "unread");
}
archive(id) {
return this.#mark(id, "archive");
}
unarchive(id) {
return this.#mark(id, "unarchive");
}
snooze(id, until) {
return this.#mark(id, "snooze", { until: until === null ? null : until.toISOString() });
}
async readAll(type) {
const body = type === undefined ? {} : { type };
const done = await this.#json("PATCH", "/v1/inbox/read-all", { body });
this.#count(done.unread_count);
return done.read;
}
async delete(id) {
await this.#request("DELETE", `/v1/inbox/${encodeURIComponent(id)}`);
}
async preferences(locale) {
const query = { limit: 200, cursor:  (null), locale };
const all =  (await this.#json("GET", "/v1/inbox/preferences", { query }));
while (all.next_cursor !== null) {
query.cursor = all.next_cursor;
const next = await this.#json("GET", "/v1/inbox/preferences", { query });
all.data.push(...next.data);
all.next_cursor = next.next_cursor;
}
return all;
}
changePreference(id, channels) {
const path = id === null ? "/v1/inbox/preferences" : `/v1/inbox/preferences/${encodeURIComponent(id)}`;
return this.#json("PATCH", path, { body: { channels } });
}
job(id) {
return this.#json("GET", `/v1/jobs/${encodeURIComponent(id)}`);
}
timeline(id) {
return this.#json("GET", `/v1/jobs/${encodeURIComponent(id)}/timeline`);
}
cancelJob(id) {
return this.#json("DELETE", `/v1/jobs/${encodeURIComponent(id)}`);
}
retryJob(id) {
return this.#json("POST", `/v1/jobs/${encodeURIComponent(id)}/retry`);
}
follow(id) {
this.#followed.set(id, (this.#followed.get(id) ?? 0) + 1);
return () => {
const left = (this.#followed.get(id) ?? 1) - 1;
if (left > 0) this.#followed.set(id, left);
else this.#followed.delete(id);
};
}
#mark(id, what, body) {
return this.#json("PATCH", `/v1/inbox/${encodeURIComponent(id)}/${what}`, { body });
}
#tell(type, detail) {
this.dispatchEvent(new InboxEvent(type, detail));
}
#count(unread) {
const changed = unread !== this.unread;
this.unread = unread;
if (changed) this.#tell("count", { unread });
return unread;
}
#became(state) {
if (state === this.connection) return;
this.connection = state;
this.#tell("connection", { state });
}
#heard({ event, data }) {
if (event === "notification") this.#tell("notification", data);
else if (event === "job:status" || event === "job:update") this.#tell("job", { status: data.event, ...data });
else if (event === "refetch") this.#tell("refetch");
else if (event === "notification:count") {
this.unread = data.unread;
this.#tell("count", { unread: data.unread });
}
}
async #open(lastEventId, signal) {
const headers = lastEventId === null ? {} : { "last-event-id": lastEventId };
const path = "/v1/inbox/stream";
const answer = await this.#request("GET", path, { headers, signal, timeout: 0, tries: 1 });
if (answer.body === null) throw new InboxError("no stream");
return answer.body;
}
async #poll(signal) {
const last = this.#live.lastEventId;
const found = await this.#json("GET", "/v1/inbox", { query: { limit: POLLED }, signal, tries: 1 });
const known = found.data.findIndex((each) => each.id === last);
const fresh = known < 0 ? [] : found.data.slice(0, known);
if (known < 0 && found.data.length > 0) this.#tell("refetch");
for (const each of fresh.reverse()) this.#tell("notification", each);
this.#live.lastEventId = found.data[0]?.id ?? last;
this.#count(found.unread_count);
for (const id of this.#followed.keys()) {
const { job } = await this.#json("GET", `/v1/jobs/${encodeURIComponent(id)}`, { signal, tries: 1 });
const { status, progress, result, error } = job;
this.#tell("job", { job_id: id, event: status, status, progress, result, error });
}
}
async #renew() {
const { getToken } = this.#options;
if (getToken === undefined) return "";
this.#renewing ??= Promise.resolve(getToken()).finally(() => (this.#renewing = null));
this.#token = await this.#renewing;
return this.#token;
}
async #json(method, path, options = {}) {
return (await this.#request(method, path, options)).json();
}
async #request(method, path, options = {}) {
const headers = { ...options.headers };
if (method === "POST") headers["idempotency-key"] = `${Date.now()}-${Math.random()}`;
let renewed = false;
for (let left = (options.tries ?? TRIES) - 1; ; left--) {
try {
return await this.#once(method, path, { ...options, headers });
} catch (error) {
if (!(error instanceof InboxError) || options.signal?.aborted) throw error;
if (error.status === 401 && !renewed && (await this.#renew()) !== "") {
renewed = true;
left++;
continue;
}
const wait = error.retryAfter ?? (error.status === 0 ? 1 : null);
if (left <= 0 || wait === null || wait > LONGEST_WAIT_SECONDS) throw error;
await new Promise((done) => setTimeout(done, wait * 1000 * (1 + Math.random() / 4)));
}
}
}
async #once(method, path, { query = {}, body, headers = {}, signal, timeout = TIMEOUT_MS }) {
const url = new URL(this.#api + path, globalThis.location?.href);
for (const [name, value] of Object.entries(query)) {
if (value !== null && value !== undefined) url.searchParams.set(name, String(value));
}
const token = this.#token || (await this.#renew());
const sent = { ...headers, authorization: `Bearer ${token}` };
if (body !== undefined) Object.assign(sent, { "content-type": "application/json" });
const ending = new AbortController();
const end = () => ending.abort();
const timer = timeout > 0 ? setTimeout(end, timeout) : undefined;
signal?.addEventListener("abort", end, { once: true });
const call = this.#options.fetch ?? globalThis.fetch.bind(globalThis);
const given = body === undefined ? null : JSON.stringify(body);
const request = { method, headers: sent, body: given, signal: ending.signal, credentials: "omit", cache: "no-store" };
const answer = await call(url.href, request)
.catch(() => {
throw new InboxError("no answer");
})
.finally(() => clearTimeout(timer));
if (answer.ok) return answer;
const problem = await answer.json().catch(() => ({}));
const after = Number(answer.headers.get("retry-after") ?? NaN);
const words = problem.detail ?? problem.title ?? `status ${answer.status}`;
throw new InboxError(words, answer.status, problem, Number.isFinite(after) ? after : null);
}
}
const shared = new Set();
const waiting = new Set();
function take(asked) {
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
function leave(taken) {
if (--taken.users > 0) return;
taken.client.stop();
shared.delete(taken);
}
function whenThere(told) {
const once = () => {
waiting.delete(once);
told();
};
waiting.add(once);
return () => waiting.delete(once);
}
function userOf({ api, token, getToken }) {
const base = (api ?? "").replace(/\/+$/, "");
if (getToken !== null && !token) return `${base} ${idOf(getToken)}`;
try {
const body = (token ?? "").split(".")[1] ?? "";
const { sub, project } = JSON.parse(atob(body.replace(/-/g, "+").replace(/_/g, "/")));
return JSON.stringify([base, project, sub]);
} catch {
return `${base} ${token}`;
}
}
const ids = new WeakMap();
let last = 0;
function idOf(each) {
const id = ids.get(each) ?? ++last;
ids.set(each, id);
return id;
}
function h(tag, attributes = {}, ...children) {
const element = document.createElement(tag);
for (const [name, value] of Object.entries(attributes)) {
if (typeof value === "function") element.addEventListener(name.slice(2), value);
else if (value !== undefined && value !== null && value !== false) {
element.setAttribute(name, value === true ? "" : String(value));
}
}
for (const child of children) if (child !== null && child !== undefined) element.append(child);
return element;
}
const PATHS = {
bell: "M6 9a6 6 0 0 1 12 0c0 6 2.5 7 2.5 7h-17S6 15 6 9m4 11a2.2 2.2 0 0 0 4 0",
check: "M4.5 12.5l5 5L20 7",
checks: "M1.5 12.5l5 5L15 8m-3.5 7.5l2 2L23 8",
dot: "M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 1 0 0-7",
archive: "M3.5 4.5h17v4h-17zM5 8.5v11h14v-11M10 12.5h4",
unarchive: "M3.5 4.5h17v4h-17zM5 8.5v11h14v-11M12 17v-5m-2.5 2L12 11.5l2.5 2.5",
more: "M5 12h.01M12 12h.01M19 12h.01",
settings: "M4 7h9m5 0h2M4 17h2m5 0h9M15.5 4.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 1 0 0-5M8.5 14.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 1 0 0-5",
back: "M14.5 5.5L8 12l6.5 6.5",
close: "M6 6l12 12M18 6L6 18",
};
const SVG = "http://www.w3.org/2000/svg";
function icon(name) {
const svg = document.createElementNS(SVG, "svg");
const path = document.createElementNS(SVG, "path");
path.setAttribute("d", PATHS[name]);
for (const [key, value] of [
["viewBox", "0 0 24 24"],
["aria-hidden", "true"],
["data-icon", name],
]) {
svg.setAttribute( (key),  (value));
}
svg.append(path);
return svg;
}
function iconButton(name, label, onclick, part = "action") {
const button = h("button", { type: "button", class: "icon", part, "aria-label": label, title: label, onclick });
button.append(icon(name));
return button;
}
function relabel(button, name, label) {
button.replaceChildren(icon(name));
button.setAttribute("aria-label", label);
button.title = label;
}
function safeLink(value) {
if (typeof value !== "string" || value === "") return null;
try {
const url = new URL(value, document.baseURI);
return url.protocol === "https:" || url.protocol === "http:" ? url : null;
} catch {
return null;
}
}
function raise(element, shown) {
element.hidden = !shown;
if (!element.isConnected || typeof element.showPopover !== "function") return;
if (element.matches(":popover-open")) element.hidePopover();
if (shown) element.showPopover();
}
const ar = {
title: "الإشعارات",
all: "الكل",
unread: "غير مقروءة",
archived: "الأرشيف",
snoozed: "لاحقًا",
readAll: "تحديد الكل كمقروء",
settings: "الإعدادات",
back: "رجوع",
close: "إغلاق",
more: "إجراءات أخرى",
loadMore: "عرض المزيد",
show: "عرض",
whole: "عرض النص كاملًا",
read: "تحديد كمقروء",
markUnread: "تحديد كغير مقروء",
archive: "أرشفة",
unarchive: "إعادة إلى الوارد",
hour: "تذكيري بعد ساعة",
tomorrow: "تذكيري غدًا",
monday: "تذكيري يوم الاثنين",
unsnooze: "إعادة الآن",
delete: "حذف",
sure: "حذف نهائيًا؟",
undo: "تراجع",
isArchived: "تمت الأرشفة",
isSnoozed: "مؤجل حتى {0}",
isDeleted: "تم الحذف",
emptyAll: "لا شيء هنا بعد",
emptyAllMore: "كل ما يخصك يظهر هنا فور حدوثه.",
emptyUnread: "لقد قرأت كل شيء",
emptyArchived: "الأرشيف فارغ",
emptySnoozed: "لا شيء مؤجل",
loading: "جارٍ التحميل…",
failed: "تعذّر التحميل.",
notDone: "لم ينجح ذلك.",
again: "إعادة المحاولة",
signedOut: "انتهت جلستك. سجّل الدخول مجددًا لعرض إشعاراتك.",
stopped: "غير متصل",
connecting: "جارٍ الاتصال…",
live: "مباشر",
polling: "يُفحص من حين لآخر",
offline: "لا يوجد اتصال",
paused: "متوقف مؤقتًا",
unauthorized: "انتهت الجلسة",
arrived: "جديد: {0}",
wishes: "ما يمكن أن يصلك",
others: "كل ما عدا ذلك",
always: "يُرسل دائمًا",
noWishes: "لا يوجد ما يمكن اختياره هنا.",
email: "البريد الإلكتروني",
sms: "رسالة نصية",
whatsapp: "واتساب",
in_app: "في التطبيق",
webhook: "Webhook",
scheduled: "مجدول",
queued: "في الانتظار",
processing: "قيد التنفيذ",
retrying: "بانتظار محاولة أخرى",
completed: "اكتمل",
failedState: "فشل",
cancelled: "أُلغي",
skipped: "تم التخطي",
stopping: "جارٍ الإيقاف…",
cancel: "إلغاء",
history: "السجل",
download: "تنزيل {0}",
of: "{0} من {1}",
noJob: "هذه المهمة غير موجودة أو لم تعد موجودة.",
requested: "طُلب",
began: "بدأ",
attempted: "انتهت المحاولة",
};
const en = {
title: "Notifications",
all: "All",
unread: "Unread",
archived: "Archived",
snoozed: "Snoozed",
readAll: "Mark all as read",
settings: "Settings",
back: "Back",
close: "Close",
more: "More actions",
loadMore: "Show more",
show: "Show",
whole: "Show all of it",
read: "Mark as read",
markUnread: "Mark as unread",
archive: "Archive",
unarchive: "Move to inbox",
hour: "Snooze for an hour",
tomorrow: "Snooze until tomorrow",
monday: "Snooze until Monday",
unsnooze: "Bring back now",
delete: "Delete",
sure: "Delete for good?",
undo: "Undo",
isArchived: "Archived",
isSnoozed: "Snoozed until {0}",
isDeleted: "Deleted",
emptyAll: "Nothing here yet",
emptyAllMore: "What concerns you appears here as soon as it happens.",
emptyUnread: "You have read everything",
emptyArchived: "Nothing is archived",
emptySnoozed: "Nothing is snoozed",
loading: "Loading…",
failed: "This could not be loaded.",
notDone: "That did not work.",
again: "Try again",
signedOut: "You are signed out. Sign in again to see your notifications.",
stopped: "Not connected",
connecting: "Connecting…",
live: "Live",
polling: "Checked every now and then",
offline: "No connection",
paused: "Paused",
unauthorized: "Signed out",
arrived: "New: {0}",
wishes: "What may reach you",
others: "Everything else",
always: "Always sent",
noWishes: "There is nothing to choose here.",
email: "Email",
sms: "Text message",
whatsapp: "WhatsApp",
in_app: "In the app",
webhook: "Webhook",
scheduled: "Scheduled",
queued: "Waiting",
processing: "Running",
retrying: "Waiting to try again",
completed: "Done",
failedState: "Failed",
cancelled: "Cancelled",
skipped: "Skipped",
stopping: "Stopping…",
cancel: "Cancel",
history: "History",
download: "Download {0}",
of: "{0} of {1}",
noJob: "This job does not exist, or not any more.",
requested: "Asked for",
began: "Began",
attempted: "Attempt ended",
};
const de = {
title: "Mitteilungen",
all: "Alle",
unread: "Ungelesen",
archived: "Archiv",
snoozed: "Später",
readAll: "Alle als gelesen markieren",
settings: "Einstellungen",
back: "Zurück",
close: "Schließen",
more: "Weitere Aktionen",
loadMore: "Mehr anzeigen",
show: "Anzeigen",
whole: "Ganz anzeigen",
read: "Als gelesen markieren",
markUnread: "Als ungelesen markieren",
archive: "Archivieren",
unarchive: "In den Eingang verschieben",
hour: "In einer Stunde erinnern",
tomorrow: "Morgen erinnern",
monday: "Am Montag erinnern",
unsnooze: "Jetzt zurückholen",
delete: "Löschen",
sure: "Endgültig löschen?",
undo: "Rückgängig",
isArchived: "Archiviert",
isSnoozed: "Zurückgestellt bis {0}",
isDeleted: "Gelöscht",
emptyAll: "Noch nichts da",
emptyAllMore: "Was Sie betrifft, erscheint hier, sobald es geschieht.",
emptyUnread: "Sie haben alles gelesen",
emptyArchived: "Das Archiv ist leer",
emptySnoozed: "Nichts ist zurückgestellt",
loading: "Wird geladen …",
failed: "Das konnte nicht geladen werden.",
notDone: "Das hat nicht geklappt.",
again: "Noch einmal versuchen",
signedOut: "Sie sind abgemeldet. Melden Sie sich wieder an, um Ihre Mitteilungen zu sehen.",
stopped: "Nicht verbunden",
connecting: "Verbindung wird aufgebaut …",
live: "Live",
polling: "Wird ab und zu abgefragt",
offline: "Keine Verbindung",
paused: "Angehalten",
unauthorized: "Abgemeldet",
arrived: "Neu: {0}",
wishes: "Was Sie erreichen darf",
others: "Alles andere",
always: "Kommt immer",
noWishes: "Hier gibt es nichts zu wählen.",
email: "E-Mail",
sms: "SMS",
whatsapp: "WhatsApp",
in_app: "In der App",
webhook: "Webhook",
scheduled: "Geplant",
queued: "Wartet",
processing: "Läuft",
retrying: "Wartet auf neuen Versuch",
completed: "Fertig",
failedState: "Fehlgeschlagen",
cancelled: "Abgebrochen",
skipped: "Übersprungen",
stopping: "Wird angehalten …",
cancel: "Abbrechen",
history: "Verlauf",
download: "{0} herunterladen",
of: "{0} von {1}",
noJob: "Diesen Auftrag gibt es nicht, oder nicht mehr.",
requested: "Beauftragt",
began: "Begonnen",
attempted: "Versuch beendet",
};
const fr = {
title: "Notifications",
all: "Toutes",
unread: "Non lues",
archived: "Archives",
snoozed: "Plus tard",
readAll: "Tout marquer comme lu",
settings: "Réglages",
back: "Retour",
close: "Fermer",
more: "Autres actions",
loadMore: "Afficher plus",
show: "Afficher",
whole: "Afficher en entier",
read: "Marquer comme lue",
markUnread: "Marquer comme non lue",
archive: "Archiver",
unarchive: "Remettre dans la boîte",
hour: "Rappeler dans une heure",
tomorrow: "Rappeler demain",
monday: "Rappeler lundi",
unsnooze: "Reprendre maintenant",
delete: "Supprimer",
sure: "Supprimer définitivement ?",
undo: "Annuler",
isArchived: "Archivée",
isSnoozed: "Reportée jusqu’à : {0}",
isDeleted: "Supprimée",
emptyAll: "Rien pour l’instant",
emptyAllMore: "Ce qui vous concerne apparaît ici dès que cela arrive.",
emptyUnread: "Vous avez tout lu",
emptyArchived: "Rien n’est archivé",
emptySnoozed: "Rien n’est reporté",
loading: "Chargement…",
failed: "Le chargement a échoué.",
notDone: "Cela n’a pas fonctionné.",
again: "Réessayer",
signedOut: "Vous êtes déconnecté(e). Reconnectez-vous pour voir vos notifications.",
stopped: "Non connecté",
connecting: "Connexion…",
live: "En direct",
polling: "Vérifié de temps en temps",
offline: "Pas de connexion",
paused: "En pause",
unauthorized: "Déconnecté",
arrived: "Nouveau : {0}",
wishes: "Ce qui peut vous parvenir",
others: "Tout le reste",
always: "Toujours envoyé",
noWishes: "Il n’y a rien à choisir ici.",
email: "E-mail",
sms: "SMS",
whatsapp: "WhatsApp",
in_app: "Dans l’application",
webhook: "Webhook",
scheduled: "Planifié",
queued: "En attente",
processing: "En cours",
retrying: "En attente d’un nouvel essai",
completed: "Terminé",
failedState: "Échec",
cancelled: "Annulé",
skipped: "Ignoré",
stopping: "Arrêt en cours…",
cancel: "Annuler",
history: "Historique",
download: "Télécharger {0}",
of: "{0} sur {1}",
noJob: "Cette tâche n’existe pas, ou plus.",
requested: "Demandé",
began: "Commencé",
attempted: "Essai terminé",
};
const es = {
title: "Notificaciones",
all: "Todas",
unread: "No leídas",
archived: "Archivo",
snoozed: "Más tarde",
readAll: "Marcar todo como leído",
settings: "Ajustes",
back: "Atrás",
close: "Cerrar",
more: "Más acciones",
loadMore: "Mostrar más",
show: "Mostrar",
whole: "Mostrar entero",
read: "Marcar como leída",
markUnread: "Marcar como no leída",
archive: "Archivar",
unarchive: "Devolver a la bandeja",
hour: "Recordar en una hora",
tomorrow: "Recordar mañana",
monday: "Recordar el lunes",
unsnooze: "Recuperar ahora",
delete: "Eliminar",
sure: "¿Eliminar para siempre?",
undo: "Deshacer",
isArchived: "Archivada",
isSnoozed: "Pospuesta hasta: {0}",
isDeleted: "Eliminada",
emptyAll: "Todavía no hay nada",
emptyAllMore: "Lo que le concierne aparece aquí en cuanto sucede.",
emptyUnread: "Lo ha leído todo",
emptyArchived: "No hay nada archivado",
emptySnoozed: "No hay nada pospuesto",
loading: "Cargando…",
failed: "No se ha podido cargar.",
notDone: "No ha funcionado.",
again: "Intentar de nuevo",
signedOut: "Su sesión ha terminado. Vuelva a entrar para ver sus notificaciones.",
stopped: "Sin conectar",
connecting: "Conectando…",
live: "En directo",
polling: "Se comprueba de vez en cuando",
offline: "Sin conexión",
paused: "En pausa",
unauthorized: "Sesión terminada",
arrived: "Nueva: {0}",
wishes: "Lo que puede llegarle",
others: "Todo lo demás",
always: "Se envía siempre",
noWishes: "Aquí no hay nada que elegir.",
email: "Correo",
sms: "SMS",
whatsapp: "WhatsApp",
in_app: "En la aplicación",
webhook: "Webhook",
scheduled: "Programado",
queued: "En espera",
processing: "En curso",
retrying: "En espera de otro intento",
completed: "Terminado",
failedState: "Fallido",
cancelled: "Cancelado",
skipped: "Omitido",
stopping: "Deteniendo…",
cancel: "Cancelar",
history: "Historial",
download: "Descargar {0}",
of: "{0} de {1}",
noJob: "Esta tarea no existe, o ya no.",
requested: "Solicitado",
began: "Comenzado",
attempted: "Intento terminado",
};
const LANGUAGES = { en, de, fr, es };
const ALL =  ({ ...LANGUAGES, ar });
const RIGHT_TO_LEFT = new Set(["ar", "fa", "he", "ur"]);
const STEPS =  ([
["day", 86400],
["hour", 3600],
["minute", 60],
]);
const DAYS_MS = 7 * 86400_000;
class Locale {
constructor(tag, own = {}) {
const language = tag.toLowerCase().split("-")[0] ?? "";
this.tag = Intl.DateTimeFormat.supportedLocalesOf(valid(tag))[0] ?? "en";
this.words =  ({ ...(ALL[language] ?? ALL["en"]), ...own });
this.direction = RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";
this.#relative = new Intl.RelativeTimeFormat(this.tag, { numeric: "auto" });
this.#day = new Intl.DateTimeFormat(this.tag, { dateStyle: "medium" });
this.#whole = new Intl.DateTimeFormat(this.tag, { dateStyle: "medium", timeStyle: "short" });
this.number = new Intl.NumberFormat(this.tag);
}
#relative;
#day;
#whole;
say(name, ...values) {
return this.words[name].replace(/\{(\d)\}/g, (_, index) => values[Number(index)] ?? "");
}
ago(at, now = Date.now()) {
const moment = Date.parse(at);
if (Math.abs(now - moment) > DAYS_MS) return this.#day.format(moment);
const seconds = (moment - now) / 1000;
const step = STEPS.find(([, size]) => Math.abs(seconds) >= size);
if (step === undefined) return this.#relative.format(0, "second");
return this.#relative.format(Math.round(seconds / step[1]), step[0]);
}
moment(at) {
return this.#whole.format(new Date(at));
}
}
function valid(tag) {
try {
return Intl.getCanonicalLocales(tag);
} catch {
return [];
}
}
function spelled(name) {
const words = name.replace(/[_-]+/g, " ").trim();
return words.charAt(0).toUpperCase() + words.slice(1);
}
const SHEET = `
:host {
--_accent: var(--hermodr-accent, light-dark(#3550c8, #a3b4ff));
--_on-accent: var(--hermodr-on-accent, light-dark(#ffffff, #12162b));
--_background: var(--hermodr-background, light-dark(#ffffff, #191a1f));
--_hover: var(--hermodr-hover, light-dark(#f2f3f7, #24262d));
--_unread: var(--hermodr-unread, light-dark(#f3f5ff, #1f2333));
--_text: var(--hermodr-text, light-dark(#1c1d22, #ededf2));
--_muted: var(--hermodr-muted, light-dark(#5a5e6b, #a6aab8));
--_border: var(--hermodr-border, light-dark(#dfe1e8, #353842));
--_danger: var(--hermodr-danger, light-dark(#b3261e, #ff9a90));
--_good: var(--hermodr-good, light-dark(#14733c, #6fd397));
--_warn: var(--hermodr-warn, light-dark(#8a5a00, #f0b858));
--_radius: var(--hermodr-radius, 12px);
--_small: calc(var(--_radius) * 0.55);
--_shadow: var(--hermodr-shadow, 0 12px 40px rgb(0 0 0 / 0.18), 0 2px 8px rgb(0 0 0 / 0.1));
color-scheme: light dark;
display: inline-block;
position: relative;
font: 400 0.9375rem/1.45 var(--hermodr-font, system-ui, sans-serif);
color: var(--_text);
text-align: start;
}
:host([inline]), :host(hermodr-job) { display: block; }
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
:host([hidden]), [hidden] { display: none !important; }
*, *::before, *::after { box-sizing: border-box; }
p, ul, ol, dl, dd { margin: 0; padding: 0; font-size: inherit; }
ul, ol { list-style: none; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.strong { font-weight: 600; }
.quiet { color: var(--_muted); padding: 1.5rem; text-align: center; }
.clamped { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 4; line-clamp: 4; overflow: hidden; }
svg { width: 1.25em; height: 1.25em; fill: none; stroke: currentColor; stroke-width: 1.7; stroke-linecap: round; stroke-linejoin: round; display: block; }
svg[data-icon="more"] { stroke-width: 3; }
svg[data-icon="dot"] { fill: currentColor; stroke: none; }
button, a { font: inherit; color: inherit; }
button { background: none; border: 0; padding: 0; cursor: pointer; text-align: start; }
button:disabled { cursor: default; opacity: 0.55; }
:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
[part~="panel"]:focus { outline: none; }
.icon { display: grid; place-items: center; width: 2.25rem; height: 2.25rem; flex: none; border-radius: var(--_small); color: var(--_muted); }
.icon:hover, .bell:hover { background: var(--_hover); color: var(--_text); }
.bell[data-state="stopped"] { opacity: .6; }
.bell { display: grid; place-items: center; position: relative; width: 2.75rem; height: 2.75rem; border-radius: var(--_radius); font-size: 1.25rem; color: inherit; }
.count { position: absolute; inset-block-start: 0.3rem; inset-inline-start: 1.4rem; min-width: 1.2rem; padding: 0 0.3rem; border-radius: 1rem; background: var(--hermodr-count, light-dark(#c62a1f, #ff9a90)); color: var(--hermodr-on-count, light-dark(#ffffff, #2b0805)); font-size: 0.7rem; line-height: 1.2rem; font-weight: 700; text-align: center; }
[popover] { border: 0; padding: 0; margin: 0; inset: auto; color: var(--_text); background: var(--_background); overflow: hidden; }
[part~="panel"] { width: var(--hermodr-width, 25rem); max-width: calc(100vw - 16px); background: var(--_background); border: 1px solid var(--_border); border-radius: var(--_radius); overflow: hidden; }
[part~="panel"][popover] { position: fixed; z-index: 2147483000; box-shadow: var(--_shadow); max-height: min(var(--hermodr-height, 36rem), var(--room, 80vh)); }
[part~="panel"]:not([hidden]) { display: flex; flex-direction: column; }
:host([inline]) [part~="panel"] { width: auto; max-width: none; }
.header { display: flex; align-items: center; gap: 0.15rem; padding: 0.6rem 0.6rem 0.35rem 1rem; padding-inline: 1rem 0.6rem; }
.header > .icon:first-child { margin-inline-start: -0.5rem; }
.header .title { font-size: 1.05rem; overflow-wrap: anywhere; }
.connection { flex: 1; display: flex; align-items: center; padding-inline-start: 0.6rem; min-height: 1rem; }
.connection::before { content: ""; width: 0.5rem; height: 0.5rem; border-radius: 50%; background: var(--_warn); }
.connection[data-state="live"]::before { background: var(--_good); }
.connection:is([data-state="offline"], [data-state="unauthorized"])::before { background: var(--_background); border: 2px solid var(--_danger); }
.connection[data-state="connecting"]::before { animation: breathe 1.4s ease-in-out infinite; }
@keyframes breathe { 50% { opacity: 0.25; } }
[role="tablist"] { display: flex; gap: 0.2rem; padding: 0 0.7rem; border-block-end: 1px solid var(--_border); overflow-x: auto; scrollbar-width: none; flex: none; }
[role="tab"] { padding: 0.5rem 0.6rem; color: var(--_muted); white-space: nowrap; border-block-end: 2px solid transparent; outline-offset: -2px; }
[role="tab"]:hover { color: var(--_text); }
[role="tab"][aria-selected="true"] { color: var(--_text); font-weight: 600; border-color: var(--_accent); }
.body { overflow-y: auto; overscroll-behavior: contain; flex: 1; min-height: 8rem; }
li { position: relative; display: flex; align-items: start; gap: 0.25rem; padding: 0.75rem 0.5rem 0.75rem 1rem; padding-inline: 1rem 0.5rem; }
[part~="list"] li + li { border-block-start: 1px solid var(--_border); }
[part~="item"]:hover { background: var(--_hover); }
[part~="item"].unread { background: var(--_unread); }
li .text { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.headline { display: flex; align-items: start; gap: 0.5rem; }
.mark { flex: none; width: 0.5rem; height: 0.5rem; margin-block-start: 0.5em; border-radius: 50%; background: var(--_accent); }
[part~="item-title"] { font-weight: 500; text-decoration: none; text-align: start; min-width: 0; }
.unread [part~="item-title"] { font-weight: 650; }
[part~="item-title"]::after { content: ""; position: absolute; inset: 0; }
[part~="item-title"]:focus-visible { outline: none; }
[part~="item-title"]:focus-visible::after { outline: 2px solid var(--_accent); outline-offset: -3px; border-radius: var(--_small); }
a[part~="item-title"]:hover { text-decoration: underline; }
[part~="item-message"] { color: var(--_muted); white-space: pre-line; margin-block-start: 0.15rem; text-align: start; }
.unread [part~="item-message"] { color: var(--_text); }
time { color: var(--_muted); font-size: 0.8125rem; display: block; margin-block-start: 0.25rem; }
.actions { display: flex; position: relative; z-index: 1; margin-block-start: -0.35rem; }
.actions .icon { width: 2rem; height: 2rem; }
.whole, .more[type] { position: relative; z-index: 1; color: var(--_accent); font-weight: 500; }
.more[type] { display: block; width: 100%; padding: 0.85rem; text-align: center; border-block-start: 1px solid var(--_border); }
.more[type]:hover { background: var(--_hover); }
.notice { display: grid; justify-items: center; gap: 0.35rem; padding: 3rem 1.5rem; text-align: center; color: var(--_muted); }
.notice svg { font-size: 2rem; opacity: 0.5; margin-block-end: 0.5rem; }
.notice .strong { color: var(--_text); }
.failure { padding: 1.25rem 1rem 0; text-align: center; }
.failure .more[type] { border: 0; width: auto; margin: 0.25rem auto 0.75rem; padding: 0.5rem 1rem; border-radius: var(--_small); }
[part~="menu"] { position: fixed; z-index: 2147483001; min-width: 13rem; padding: 0.3rem; border: 1px solid var(--_border); border-radius: var(--_radius); box-shadow: var(--_shadow); }
[part~="menu"]:not([hidden]) { display: grid; }
[role="menuitem"] { padding: 0.55rem 0.75rem; border-radius: var(--_small); }
[role="menuitem"]:hover, [role="menuitem"]:focus { background: var(--_hover); outline: none; }
[role="menuitem"]:focus-visible { outline: 2px solid var(--_accent); outline-offset: -2px; }
.danger { color: var(--_danger); font-weight: 600; }
.wishes { padding: 0.25rem 1rem 1rem; }
fieldset { border: 0; margin: 0; padding: 0.85rem 0 0; display: flex; flex-wrap: wrap; gap: 0.4rem; min-width: 0; }
fieldset + fieldset { border-block-start: 1px solid var(--_border); margin-block-start: 0.85rem; }
legend { float: inline-start; width: 100%; font-weight: 600; padding: 0; margin-block-end: 0.2rem; }
fieldset > p { width: 100%; color: var(--_muted); font-size: 0.875rem; }
label { display: inline-flex; align-items: center; gap: 0.45rem; padding: 0.35rem 0.7rem; border: 1px solid var(--_border); border-radius: 2rem; cursor: pointer; }
label:hover { background: var(--_hover); }
label:has(:checked:enabled) { border-color: var(--_accent); }
label:has(:disabled) { cursor: default; background: var(--_hover); color: var(--_muted); }
input { accent-color: var(--_accent); width: 1rem; height: 1rem; margin: 0; }
.toasts { position: fixed; inset-block-end: 1rem; inset-inline-end: 1rem; background: none; overflow: visible; width: min(23rem, calc(100vw - 2rem)); z-index: 2147483002; }
.toasts:not([hidden]) { display: grid; gap: 0.5rem; }
.toast { display: flex; align-items: center; gap: 0.5rem; padding: 0.6rem 0.5rem 0.6rem 1rem; padding-inline: 1rem 0.5rem; border: 1px solid var(--_border); border-radius: var(--_radius); background: var(--_background); box-shadow: var(--_shadow); animation: rise 0.2s ease-out; }
.toast .text { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.toast .text p + p { color: var(--_muted); -webkit-line-clamp: 2; line-clamp: 2; }
[part~="toast-action"] { color: var(--_accent); font-weight: 600; padding: 0.4rem 0.6rem; border-radius: var(--_small); }
[part~="toast-action"]:hover { background: var(--_hover); }
@keyframes rise { from { transform: translateY(0.5rem); opacity: 0; } }
.job { padding: 1rem; border: 1px solid var(--_border); border-radius: var(--_radius); background: var(--_background); display: grid; gap: 0.65rem; overflow-wrap: anywhere; }
.job .headline { align-items: center; justify-content: space-between; flex-wrap: wrap; }
.state { font-size: 0.8125rem; font-weight: 600; padding: 0.15rem 0.6rem; border-radius: 1rem; border: 1px solid currentColor; color: var(--_muted); }
.state[data-state="completed"] { color: var(--_good); }
.state[data-state="failed"] { color: var(--_danger); }
.state:is([data-state="processing"], [data-state="retrying"]) { color: var(--_accent); }
.track { height: 0.5rem; border-radius: 1rem; background: var(--_hover); overflow: hidden; }
.bar { height: 100%; width: 0; border-radius: inherit; background: var(--_accent); transition: width 0.3s; }
.bar[data-state="completed"] { background: var(--_good); }
.bar:is([data-state="failed"], [data-state="cancelled"]) { background: var(--_muted); }
.bar.unknown { width: 35%; animation: pass 1.6s ease-in-out infinite; }
@keyframes pass { from { transform: translateX(-110%); } to { transform: translateX(300%); } }
.job .step { color: var(--_muted); font-size: 0.875rem; }
.job .error { color: var(--_danger); }
.job .buttons { display: flex; flex-wrap: wrap; gap: 0.5rem; }
.push, .job a { padding: 0.4rem 0.9rem; border: 1px solid var(--_border); border-radius: var(--_small); font-weight: 500; text-decoration: none; }
.push:hover, .job a:hover { background: var(--_hover); }
.job a { color: var(--_accent); }
.job ol { border-inline-start: 2px solid var(--_border); margin-inline-start: 0.3rem; padding-inline-start: 0.9rem; display: grid; gap: 0.6rem; }
.job ol li { display: block; padding: 0; }
.job ol time { display: inline; }
@media (max-width: 30rem) {
[part~="panel"][popover] { inset: 0 !important; width: 100vw; max-width: none; height: 100dvh; max-height: none; border: 0; border-radius: 0; }
.toasts { inset-inline: 1rem; width: auto; }
}
@media (pointer: coarse) {
.actions .icon { width: 2.5rem; height: 2.5rem; }
.actions { margin-block-start: -0.5rem; }
}
@media (prefers-reduced-motion: reduce) { *, *::before { animation: none !important; transition: none !important; } }
@media (forced-colors: active) { .mark, .connection::before, .bar { background: CanvasText; forced-color-adjust: none; } }
`;
const Base =  (globalThis.HTMLElement ?? class {});
let sheet;
const PATIENCE_MS = 2000;
class HermodrElement extends Base {
static observedAttributes = ["api", "token", "locale", "theme"];
#shared = null;
#waiting = null;
#getToken = null;
#labels = {};
#planned = false;
#missing;
heard = new AbortController();
spoken = h("div", { class: "hidden", role: "status" });
locale = new Locale("en");
#typeNames = {};
constructor() {
super();
const root = this.attachShadow({ mode: "open" });
if (sheet === undefined) {
sheet = new CSSStyleSheet();
sheet.replaceSync(SHEET);
}
root.adoptedStyleSheets = [sheet];
}
get client() {
return this.#shared?.client ?? null;
}
get getToken() {
return this.#getToken;
}
set getToken(getToken) {
this.#getToken = getToken;
this.#plan();
}
get labels() {
return this.#labels;
}
set labels(labels) {
this.#labels = labels;
this.#plan();
}
get typeNames() {
return this.#typeNames;
}
set typeNames(typeNames) {
this.#typeNames = typeNames;
this.#plan();
}
connectedCallback() {
for (const name of ["getToken", "labels", "typeNames"]) this.#upgrade(name);
this.#begin();
}
disconnectedCallback() {
this.#end();
}
attributeChangedCallback(name, before, after) {
if (before === after || name === "theme") return;
this.#plan();
}
tell(type, detail) {
return this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true, cancelable: true }));
}
say(text) {
this.spoken.textContent = "";
setTimeout(() => (this.spoken.textContent = text), 50);
}
begin() {}
end() {}
hear(type, listener) {
const { signal } = this.heard;
this.client?.addEventListener(type, (event) => listener( (event).detail), { signal });
}
#plan() {
if (this.#planned || !this.isConnected) return;
this.#planned = true;
queueMicrotask(() => {
this.#planned = false;
if (!this.isConnected) return;
const before = this.#shared;
const next = this.#take();
if (before !== null) leave(before);
if (next !== before || next === null || this.#isOtherLocale()) {
this.#stop();
this.#start();
}
});
}
#isOtherLocale() {
const { tag, words } = this.#locale();
return tag !== this.locale.tag || Object.entries(words).some(([name, word]) => this.locale.words[name] !== word);
}
#begin() {
this.#take();
this.#start();
}
#end() {
this.#stop();
if (this.#shared !== null) leave(this.#shared);
this.#shared = null;
}
#take() {
const asked = {
api: this.getAttribute("api"),
token: this.getAttribute("token"),
getToken: this.#getToken,
background: this.hasAttribute("background"),
};
return (this.#shared = take(asked));
}
#start() {
this.heard = new AbortController();
this.locale = this.#locale();
if (this.#shared === null) {
this.#waiting = whenThere(() => this.#plan());
this.#missing = setTimeout(() => this.#tellMissing(), PATIENCE_MS);
}
this.begin();
}
#stop() {
this.#waiting?.();
this.#waiting = null;
clearTimeout(this.#missing);
this.heard.abort();
this.end();
}
#tellMissing() {
const what = this.hasAttribute("api")
? "no token: set the attribute token, or the property getToken"
: "no api: set the attribute api, and token or getToken; or have another element of the page with them";
console.warn(`<${this.localName}> is not connected, it has ${what}.`);
}
#locale() {
const around =  (this.closest("[lang]"))?.lang;
return new Locale(this.getAttribute("locale") || around || navigator.language || "en", this.#labels);
}
#upgrade(name) {
if (!Object.hasOwn(this, name)) return;
const self =  (this);
const value = self[name];
delete self[name];
self[name] = value;
}
}
const PAGE = 20;
const MOST = 200;
const SETTLE_MS = 300;
const ASKED = { all: {}, unread: { read: false }, archived: { archived: true }, snoozed: { snoozed: true } };
class Feed extends EventTarget {
items = [];
loading = false;
error = null;
#cursor = null;
#round = 0;
#settling;
#client;
#view = "all";
#ending = new AbortController();
constructor(client) {
super();
this.#client = client;
const { signal } = this.#ending;
client.addEventListener("notification", (event) => this.#arrived( (event).detail), { signal });
client.addEventListener("count", () => this.#settle(), { signal });
client.addEventListener("refetch", () => this.#settle(), { signal });
}
get view() {
return this.#view;
}
get hasMore() {
return this.#cursor !== null;
}
close() {
clearTimeout(this.#settling);
this.#ending.abort();
this.#round++;
}
async show(view) {
this.#view = view;
this.items = [];
this.#cursor = null;
await this.reload();
}
async reload() {
const limit = Math.min(MOST, Math.max(PAGE, this.items.length));
await this.#load({ ...ASKED[this.#view], limit }, (page) => page.data);
}
async more() {
if (this.#cursor === null || this.loading) return;
const had = new Set(this.items.map((each) => each.id));
const asked = { ...ASKED[this.#view], limit: PAGE, cursor: this.#cursor };
await this.#load(asked, (page) => [...this.items, ...page.data.filter((each) => !had.has(each.id))]);
}
mark(each, read) {
if (each.read === read) return Promise.resolve();
return this.#change(each, { ...each, read }, () => (read ? this.#client.read(each.id) : this.#client.markUnread(each.id)));
}
archive(each) {
return this.#change(each, null, () => this.#client.archive(each.id));
}
unarchive(each) {
return this.#change(each, null, () => this.#client.unarchive(each.id));
}
snooze(each, until) {
return this.#change(each, null, () => this.#client.snooze(each.id, until));
}
delete(each) {
return this.#change(each, null, () => this.#client.delete(each.id));
}
async readAll() {
const before = this.items;
this.#set(this.items.map((each) => ({ ...each, read: true })));
try {
await this.#client.readAll();
} catch (error) {
this.#set(before);
throw error;
}
this.#settle();
}
async #change(each, after, call) {
this.#round++;
this.loading = false;
const place = this.items.findIndex((other) => other.id === each.id);
const replaced = ( by) =>
this.items.flatMap((other) => (other.id === each.id ? (by === null ? [] : [by]) : [other]));
this.#set(replaced(after));
try {
await call();
} catch (error) {
const without = replaced(null);
if (place >= 0) without.splice(place, 0, each);
this.#set(without);
throw error;
}
this.#settle();
}
async #load(asked, taken) {
const round = ++this.#round;
this.loading = true;
this.error = null;
this.#fire();
try {
const page = await this.#client.list(asked);
if (round !== this.#round) return;
this.items = taken(page);
this.#cursor = page.next_cursor;
} catch (error) {
if (round !== this.#round) return;
this.error = error;
}
this.loading = false;
this.#fire();
}
#arrived(each) {
const shown = this.#view === "all" || (this.#view === "unread" && !each.read);
if (shown && !this.items.some((other) => other.id === each.id)) this.#set([each, ...this.items]);
}
#settle() {
clearTimeout(this.#settling);
this.#settling = setTimeout(() => void this.reload(), SETTLE_MS);
}
#set(items) {
this.items = items;
this.#fire();
}
#fire() {
this.dispatchEvent(new InboxEvent("change"));
}
}
class Menu {
element = h("div", { role: "menu", part: "menu", popover: "manual", hidden: true });
#opener = null;
constructor() {
this.element.addEventListener("keydown", (event) => this.#pressed(event));
this.element.addEventListener("focusout", (event) => {
const next =  (event.relatedTarget);
if (next !== null && !this.element.contains(next) && next !== this.#opener) this.close(false);
});
}
open(opener, choices, label) {
if (this.#opener === opener) return this.close();
this.close(false);
this.#opener = opener;
opener.setAttribute("aria-expanded", "true");
this.element.setAttribute("aria-label", label);
this.element.replaceChildren(...choices.map((each) => this.#item(each)));
raise(this.element, true);
this.#place(opener);
(this.element.firstElementChild).focus();
}
close(back = true) {
const opener = this.#opener;
if (opener === null) return;
this.#opener = null;
raise(this.element, false);
opener.setAttribute("aria-expanded", "false");
if (back) opener.focus();
}
isLeftBy(event) {
const path = event.composedPath();
return this.#opener !== null && !path.includes(this.element) && !path.includes(this.#opener);
}
#item(choice) {
let sure = choice.sure === undefined;
const chosen = () => {
if (sure) {
this.close();
choice.chosen();
} else {
sure = true;
item.textContent = choice.sure ?? "";
item.classList.add("danger");
}
};
const item = h("button", { type: "button", role: "menuitem", tabindex: "-1", part: "menu-item", onclick: chosen }, choice.label);
return item;
}
#place(opener) {
const at = opener.getBoundingClientRect();
const { offsetWidth: width, offsetHeight: height } = this.element;
const rightToLeft = getComputedStyle(this.element).direction === "rtl";
const left = rightToLeft ? at.left : at.right - width;
const below = at.bottom + height + 8 < innerHeight;
const { style } = this.element;
style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
style.top = `${Math.max(8, below ? at.bottom + 4 : at.top - height - 4)}px`;
}
#pressed(event) {
const items =  ([...this.element.children]);
const at = items.indexOf( (event.target));
const places = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 };
const place = places[ (event.key)];
if (place !== undefined) items[place % items.length]?.focus();
else if (event.key === "Escape" || event.key === "Tab") this.close();
else return;
if (event.key !== "Tab") event.preventDefault();
event.stopPropagation();
}
}
const LONG = 280;
class Rows {
list = h("ul", { part: "list", role: "list" });
#rows = new Map();
#locale;
#linkKey;
#wanted;
constructor(locale, linkKey, wanted) {
this.#locale = locale;
this.#linkKey = linkKey;
this.#wanted = wanted;
this.list.addEventListener("keydown", (event) => this.#moved(event));
}
show(items) {
const ids = new Set(items.map((each) => each.id));
this.#keepFocus(ids);
for (const [id, row] of this.#rows) {
if (ids.has(id)) continue;
row.element.remove();
this.#rows.delete(id);
}
items.forEach((each, place) => {
let row = this.#rows.get(each.id);
if (row === undefined) this.#rows.set(each.id, (row = new Row(each, this.#locale, this.#linkKey, this.#wanted)));
else row.update(each);
const there = this.list.children[place] ?? null;
if (there !== row.element) this.list.insertBefore(row.element, there);
});
}
refreshTimes() {
for (const row of this.#rows.values()) row.refreshTime();
}
#keepFocus(staying) {
const root =  (this.list.getRootNode());
const focused = root.activeElement?.closest("li");
if (!focused || staying.has(focused.dataset["id"] ?? "")) return;
const all = [...this.list.children];
const at = all.indexOf(focused);
const stays = ( row) => staying.has( (row).dataset["id"] ?? "");
const next = all.slice(at).find(stays) ?? all.slice(0, at).reverse().find(stays);
const panel =  (this.list.closest("[role=dialog]"));
(next?.querySelector("[part~=item-title]") ?? panel)?.focus();
}
#moved(event) {
const steps = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };
const step = steps[ (event.key)];
const row =  (event.target).closest("li");
if (step === undefined || row === null) return;
const all = [...this.list.children];
const place = Math.max(0, Math.min(all.length - 1, all.indexOf(row) + step));
(all[place]?.querySelector("[part~=item-title]"))?.focus();
event.preventDefault();
}
}
class Row {
constructor(each, locale, linkKey, wanted) {
this.each = each;
this.locale = locale;
const { words } = locale;
const link = safeLink(each.data?.[linkKey]);
const name = each.title || (each.type === null ? words.title : spelled(each.type));
const opened = ( event) => wanted.open(this.each, link, event);
const title =
link === null
? h("button", { type: "button", part: "item-title", dir: "auto", onclick: opened }, name)
: h("a", { ...attributesOf(link), part: "item-title", dir: "auto", onclick: opened }, name);
this.time = h("time", { part: "item-time", datetime: each.created_at, title: locale.moment(each.created_at) });
this.mark = h("span", { class: "mark", part: "mark" }, h("span", { class: "hidden" }, `${words.unread}: `));
this.readButton = iconButton("check", "", () => wanted.toggleRead(this.each));
this.archiveButton = iconButton("archive", "", () => wanted.toggleArchived(this.each));
const more = iconButton("more", `${words.more}: ${name}`, () => wanted.more(this.each, more));
more.setAttribute("aria-haspopup", "menu");
this.element = h(
"li",
{ "data-id": each.id },
h("div", { class: "text" }, h("div", { class: "headline" }, this.mark, title), textOf(each.message, words), this.time),
h("div", { class: "actions" }, this.readButton, this.archiveButton, more),
);
this.name = name;
this.update(each);
this.refreshTime();
}
update(each) {
this.each = each;
const { words } = this.locale;
this.element.setAttribute("part", each.read ? "item" : "item item-unread");
this.element.classList.toggle("unread", !each.read);
this.mark.hidden = each.read;
relabel(this.readButton, each.read ? "dot" : "check", `${each.read ? words.markUnread : words.read}: ${this.name}`);
const archived = each.archived || this.#away();
const label = archived ? words.unarchive : words.archive;
relabel(this.archiveButton, archived ? "unarchive" : "archive", `${label}: ${this.name}`);
}
refreshTime() {
const until = this.each.snoozed_until;
this.time.textContent = this.#away()
? this.locale.say("isSnoozed", this.locale.moment( (until)))
: this.locale.ago(this.each.created_at);
}
#away() {
return this.each.snoozed_until !== null && Date.parse(this.each.snoozed_until) > Date.now();
}
}
function attributesOf(link) {
if (link.origin === location.origin) return { href: link.href };
return { href: link.href, target: "_blank", rel: "noopener noreferrer" };
}
function textOf(message, words) {
if (message === "") return null;
const text = h("p", { part: "item-message", dir: "auto" }, message);
if (message.length <= LONG && message.split("\n").length <= 5) return text;
text.classList.add("clamped");
const whole = h("button", { type: "button", class: "whole", part: "action", onclick: () => (text.classList.remove("clamped"), whole.remove()) }, words.whole);
return h("div", {}, text, whole);
}
function notice(title, more, action) {
return h(
"div",
{ class: "notice", part: "notice" },
icon("bell"),
h("p", { class: "strong" }, title),
more ? h("p", {}, more) : null,
action,
);
}
const SHOWN_MS = 6_000;
const MOST_TOASTS = 3;
class Toasts {
element = h("div", { class: "toasts", part: "toasts", popover: "manual", hidden: true });
show(text, close, action = null, more = "") {
const gone = () => {
clearTimeout(timer);
toast.remove();
if (this.element.childElementCount === 0) raise(this.element, false);
};
const act = () => {
gone();
action?.done();
};
const toast = h(
"div",
{ class: "toast", part: "toast" },
h("div", { class: "text" }, h("p", { class: "strong", dir: "auto" }, text), more ? h("p", { dir: "auto", class: "clamped" }, more) : null),
action && h("button", { type: "button", part: "toast-action", onclick: act }, action.label),
iconButton("close", close, gone, "toast-close"),
);
let timer = setTimeout(gone, SHOWN_MS);
const again = () => {
clearTimeout(timer);
timer = setTimeout(gone, SHOWN_MS);
};
for (const type of ["pointerenter", "focusin"]) toast.addEventListener(type, () => clearTimeout(timer));
for (const type of ["pointerleave", "focusout"]) toast.addEventListener(type, again);
this.element.append(toast);
while (this.element.childElementCount > MOST_TOASTS) this.element.firstElementChild?.remove();
raise(this.element, true);
}
}
async function wishes(client, locale, typeNames, failed) {
const { words } = locale;
const found = await client.preferences(locale.tag);
const group = (name, id, channels, fixed = false, description = null) =>
h(
"fieldset",
{ part: "wish" },
h("legend", { dir: "auto" }, name),
description !== null ? h("p", { dir: "auto" }, description) : null,
fixed ? h("p", {}, words.always) : null,
...Object.entries(channels).map(([channel, on]) => {
const box = h("input", { type: "checkbox", checked: on, disabled: fixed });
box.addEventListener("change", async () => {
try {
await client.changePreference(id, { [channel]: box.checked });
} catch (error) {
box.checked = !box.checked;
failed(error);
}
});
return h("label", {}, box, h("span", {}, words[channel] ?? spelled(channel)));
}),
);
const groups = found.data
.filter((each) => Object.keys(each.channels).length > 0)
.map(({ id, type, label, channels, critical }) =>
group(typeNames[type] ?? label.title, id, channels, critical, label.description),
);
if (Object.keys(found.channels).length > 0) groups.push(group(words.others, null, found.channels));
return groups.length > 0 ? h("div", { class: "wishes", part: "wishes" }, ...groups) : notice(words.noWishes);
}
const VIEWS =  (["all", "unread", "snoozed", "archived"]);
const HOUR_MS = 3_600_000;
const MORNING = 9;
class HermodrInbox extends HermodrElement {
static observedAttributes = [...HermodrElement.observedAttributes, "open", "inline", "link"];
#feed = null;
#rows = null;
#view = "all";
#showsWishes = false;
#menu = new Menu();
#toasts = new Toasts();
#bell = h("button", { type: "button", class: "bell", part: "bell", "aria-haspopup": "dialog", "aria-controls": "panel" });
#count = h("span", { class: "count", part: "count", "aria-hidden": "true" });
#panel = h("div", { id: "panel", part: "panel", role: "dialog", tabindex: "-1", popover: "manual", hidden: true });
#body = h("div", { class: "body", part: "body", id: "body" });
#connection = h("span", { class: "connection", part: "connection", role: "img" });
#tabs = h("div", { role: "tablist", part: "tabs" });
#clock;
constructor() {
super();
this.#bell.append(icon("bell"), this.#count);
this.#bell.addEventListener("click", () => this.toggleAttribute("open"));
this.#panel.addEventListener("keydown", (event) => {
if (event.key === "Escape" && !this.hasAttribute("inline")) this.removeAttribute("open");
});
this.shadowRoot?.append(this.#bell, this.#panel, this.#menu.element, this.#toasts.element, this.spoken);
}
get open() {
return this.hasAttribute("open") || this.hasAttribute("inline");
}
set open(open) {
this.toggleAttribute("open", open);
}
attributeChangedCallback(name, before, after) {
if (name !== "open") super.attributeChangedCallback(name, before, after);
else if ((before === null) !== (after === null) && this.isConnected) this.#opened();
}
begin() {
this.#draw();
const { signal } = this.heard;
this.hear("notification", (each) => this.#arrived(each));
this.hear("count", (detail) => {
this.#counted();
this.tell("hermodr:count", detail);
});
this.hear("connection", (detail) => {
this.#connected();
this.tell("hermodr:connection", detail);
});
document.addEventListener("pointerdown", (event) => this.#pressedElsewhere(event), { signal });
addEventListener("resize", () => this.#place(), { signal });
addEventListener("scroll", () => this.#place(), { signal, passive: true, capture: true });
if (this.open) this.#opened();
}
end() {
this.#menu.close(false);
this.#leave();
}
#draw() {
const { words, direction, tag } = this.locale;
for (const each of [this.#bell, this.#panel, this.#menu.element, this.#toasts.element]) {
each.lang = tag;
each.dir = this.hasAttribute("locale") ? direction : "";
if (each.dir === "") each.removeAttribute("dir");
}
this.#panel.setAttribute("aria-label", words.title);
const inline = this.hasAttribute("inline");
this.#panel.setAttribute("role", inline ? "region" : "dialog");
if (inline) this.#panel.removeAttribute("popover");
else this.#panel.setAttribute("popover", "manual");
this.#bell.hidden = inline;
this.#toasts.element.replaceChildren();
this.#counted();
this.#connected();
this.#frame();
}
#frame() {
const { words } = this.locale;
const inline = this.hasAttribute("inline");
const title = h("p", { class: "strong title", part: "title" }, this.#showsWishes ? words.wishes : words.title);
const close = inline ? null : iconButton("close", words.close, () => this.removeAttribute("open"));
const left = this.#showsWishes ? iconButton("back", words.back, () => this.#toWishes(false)) : null;
const right = this.#showsWishes
? []
: [
iconButton("checks", words.readAll, () => void this.#try(this.#feed?.readAll())),
iconButton("settings", words.settings, () => this.#toWishes(true)),
];
this.#tabs.replaceChildren(...(this.#showsWishes ? [] : VIEWS.map((view) => this.#tab(view))));
this.#tabs.hidden = this.#showsWishes;
this.#tabs.setAttribute("aria-label", words.title);
this.#body.setAttribute("role", this.#showsWishes ? "group" : "tabpanel");
this.#body.setAttribute("aria-label", this.#showsWishes ? words.wishes : words[this.#view]);
const header = h("div", { class: "header", part: "header" }, left, title, this.#connection, ...right, close);
this.#panel.replaceChildren(header, this.#tabs, this.#body);
}
#tab(view) {
const chosen = view === this.#view;
const onclick = () => this.#choose(view);
const onkeydown = ( event) => {
const turn = this.locale.direction === "rtl" ? -1 : 1;
const steps = { ArrowRight: turn, ArrowLeft: -turn };
const step = steps[ (event.key)];
if (step === undefined) return;
this.#choose(VIEWS[(VIEWS.indexOf(view) + step + VIEWS.length) % VIEWS.length] ?? "all");
(this.#tabs.querySelector("[aria-selected=true]"))?.focus();
event.preventDefault();
};
const about = { type: "button", role: "tab", part: chosen ? "tab tab-chosen" : "tab", "aria-controls": "body" };
const state = { "aria-selected": String(chosen), tabindex: chosen ? "0" : "-1" };
return h("button", { ...about, ...state, onclick, onkeydown }, this.locale.words[view]);
}
#choose(view) {
this.#view = view;
const focused = this.shadowRoot?.activeElement?.getAttribute("role") === "tab";
this.#tabs.replaceChildren(...VIEWS.map((each) => this.#tab(each)));
this.#body.setAttribute("aria-label", this.locale.words[view]);
if (focused)  (this.#tabs.querySelector("[aria-selected=true]"))?.focus();
this.#body.scrollTop = 0;
void this.#feed?.show(view);
}
#opened() {
const { open } = this;
this.#bell.setAttribute("aria-expanded", String(open));
this.#leave();
if (!open) {
const inside = this.shadowRoot?.activeElement;
this.#menu.close(false);
if (this.hasAttribute("inline")) return;
raise(this.#panel, false);
if (inside !== null && inside !== undefined && this.#panel.contains(inside)) this.#bell.focus();
return;
}
if (this.#showsWishes) this.#toWishes(false);
if (this.hasAttribute("inline")) this.#panel.hidden = false;
else {
raise(this.#panel, true);
this.#place();
this.#panel.focus({ preventScroll: true });
}
this.#enter();
}
#enter() {
const { client } = this;
if (client === null) return this.#body.replaceChildren(notice(this.locale.words.stopped));
const link = this.getAttribute("link") || "url";
this.#rows = new Rows(this.locale, link, {
open: (each, url, event) => this.#chose(each, url, event),
toggleRead: (each) => void this.#try(this.#feed?.mark(each, !each.read)),
toggleArchived: (each) => this.#moved(each),
more: (each, button) => this.#offer(each, button),
});
this.#feed = new Feed(client);
this.#feed.addEventListener("change", () => this.#listed());
void this.#feed.show(this.#view);
this.#clock = setInterval(() => this.#rows?.refreshTimes(), 30_000);
}
#leave() {
clearInterval(this.#clock);
this.#feed?.close();
this.#feed = null;
}
#listed() {
const feed = this.#feed;
const rows = this.#rows;
if (feed === null || rows === null || this.#showsWishes) return;
const { words } = this.locale;
this.#body.setAttribute("aria-busy", String(feed.loading));
if (feed.items.length === 0) {
rows.show([]);
this.#body.replaceChildren(feed.loading ? h("p", { class: "quiet" }, words.loading) : this.#nothing(feed));
return;
}
rows.show(feed.items);
const more = h("button", { type: "button", class: "more", part: "action", disabled: feed.loading, onclick: () => void feed.more() }, words.loadMore);
const rest = feed.error ? this.#failure(feed.error, () => void feed.reload()) : feed.hasMore ? more : null;
for (const each of [...this.#body.children]) if (each !== rows.list) each.remove();
if (rows.list.parentNode !== this.#body) this.#body.replaceChildren(rows.list);
if (rest !== null) this.#body.append(rest);
}
#nothing(feed) {
const { words } = this.locale;
if (feed.error) return this.#failure(feed.error, () => void feed.reload());
const said = { all: words.emptyAll, unread: words.emptyUnread, archived: words.emptyArchived, snoozed: words.emptySnoozed };
return notice(said[feed.view], feed.view === "all" ? words.emptyAllMore : undefined);
}
#failure(error, again) {
const { words } = this.locale;
const signedOut = error instanceof InboxError && error.status === 401;
const button = h("button", { type: "button", class: "more", part: "action", onclick: again }, words.again);
const box = h("div", { class: "failure", part: "error", role: "alert" }, h("p", {}, signedOut ? words.signedOut : words.failed), button);
return box;
}
#toWishes(shown) {
this.#showsWishes = shown;
this.#frame();
this.#body.replaceChildren();
if (!shown) return this.#listed();
this.#body.append(h("p", { class: "quiet" }, this.locale.words.loading));
const { client } = this;
if (client === null) return;
(this.#panel.querySelector("button"))?.focus();
wishes(client, this.locale, this.typeNames, (error) => this.#failed(error))
.catch((error) => this.#failure(error, () => this.#toWishes(true)))
.then((content) => this.#showsWishes && this.#body.replaceChildren(content));
}
#chose(each, link, event) {
const followed = this.tell("hermodr:open", { notification: each, url: link?.href ?? null });
if (!followed) event.preventDefault();
if (!each.read) void this.#try(this.#feed?.mark(each, true));
}
#moved(each) {
const feed = this.#feed;
if (feed === null) return;
const { words } = this.locale;
if (feed.view === "snoozed") return void this.#try(feed.snooze(each, null));
if (feed.view === "archived") return void this.#try(feed.unarchive(each));
void this.#try(feed.archive(each), words.isArchived, () => this.client?.unarchive(each.id));
}
#offer(each, button) {
const { words } = this.locale;
const later = (label, until) => ({
label,
chosen: () => {
const said = this.locale.say("isSnoozed", this.locale.moment(until));
void this.#try(this.#feed?.snooze(each, until), said, () => this.client?.snooze(each.id, null));
},
});
const away = this.#view === "snoozed";
this.#menu.open(
button,
[
...(away ? [{ label: words.unsnooze, chosen: () => void this.#try(this.#feed?.snooze(each, null)) }] : []),
later(words.hour, new Date(Date.now() + HOUR_MS)),
later(words.tomorrow, morningIn(1)),
later(words.monday, morningIn(((8 - new Date().getDay()) % 7) || 7)),
{ label: words.delete, sure: words.sure, chosen: () => void this.#try(this.#feed?.delete(each), words.isDeleted) },
],
words.more,
);
}
async #try(change, done, undo) {
if (change === undefined) return;
const { words } = this.locale;
try {
await change;
} catch (error) {
return this.#failed(error);
}
if (done === undefined) return;
const undone = () => void this.#try(undo?.()?.then(() => this.#feed?.reload()));
this.#toasts.show(done, words.close, undo === undefined ? null : { label: words.undo, done: undone });
this.say(done);
}
#failed(error) {
const { words } = this.locale;
const why = error instanceof InboxError && error.status > 0 ? error.message : "";
this.#toasts.show(words.notDone, words.close, null, why);
this.say(`${words.notDone} ${why}`);
}
#arrived(each) {
const said = each.title || each.message;
this.say(this.locale.say("arrived", said));
const wanted = this.tell("hermodr:notification", each);
if (!wanted || this.open || this.getAttribute("toasts") === "off") return;
const { words } = this.locale;
const show = { label: words.show, done: () => (this.open = true) };
this.#toasts.show(said, words.close, show, each.title ? each.message : "");
}
#counted() {
const { words, number } = this.locale;
const unread = this.client?.unread ?? 0;
this.#count.hidden = unread === 0;
this.#count.textContent = unread > 99 ? `${number.format(99)}+` : number.format(unread);
const said = this.client === null ? words.stopped : `${words.unread}: ${number.format(unread)}`;
const label = unread === 0 && this.client !== null ? words.title : `${words.title}, ${said}`;
this.#bell.dataset["state"] = this.client === null ? "stopped" : "";
this.#bell.setAttribute("aria-label", label);
this.#bell.title = label;
}
#connected() {
const state = this.client?.connection ?? "stopped";
const said = this.locale.words[state];
this.#connection.dataset["state"] = state;
this.#connection.setAttribute("aria-label", said);
this.#connection.title = said;
}
#pressedElsewhere(event) {
if (this.#menu.isLeftBy(event)) this.#menu.close(false);
if (!event.composedPath().includes(this) && !this.hasAttribute("inline")) this.removeAttribute("open");
}
#place() {
if (this.#panel.hidden || this.hasAttribute("inline")) return;
const bell = this.#bell.getBoundingClientRect();
const { style, offsetWidth: width } = this.#panel;
const left = getComputedStyle(this).direction === "rtl" ? bell.left : bell.right - width;
const above = innerHeight - bell.bottom < Math.min(360, bell.top);
style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
style.top = above ? "auto" : `${bell.bottom + 8}px`;
style.bottom = above ? `${innerHeight - bell.top + 8}px` : "auto";
style.setProperty("--room", `${(above ? bell.top : innerHeight - bell.bottom) - 16}px`);
}
}
function morningIn(days) {
const then = new Date();
then.setDate(then.getDate() + days);
then.setHours(MORNING, 0, 0, 0);
return then;
}
const ENDED = new Set(["completed", "failed", "cancelled", "skipped"]);
const STATE_WORDS = { failed: "failedState" };
class HermodrJob extends HermodrElement {
static observedAttributes = [...HermodrElement.observedAttributes, "job", "label", "readonly"];
#job = null;
#own = false;
#stopping = false;
#round = 0;
#history = [];
#unfollow = () => {};
#name = h("p", { class: "strong", part: "title", dir: "auto" });
#state = h("span", { class: "state", part: "state" });
#bar = h("div", { class: "bar", part: "bar" });
#track = h("div", { class: "track", part: "track", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, this.#bar);
#step = h("p", { class: "step", part: "step", dir: "auto" });
#error = h("p", { class: "error", part: "error", dir: "auto" });
#buttons = h("div", { class: "buttons", part: "actions" });
#past = h("ol", { part: "history", hidden: true, id: "history" });
#card = h("div", { class: "job", part: "job", role: "group" });
constructor() {
super();
const head = h("div", { class: "headline" }, this.#name, this.#state);
this.#card.append(head, this.#track, this.#step, this.#error, this.#buttons, this.#past);
this.shadowRoot?.append(this.#card, this.spoken);
}
attributeChangedCallback(name, before, after) {
super.attributeChangedCallback(name, before, after);
if (before === after || !this.isConnected || this.client === null) return;
if (name === "job") this.#follow();
else if (name === "label" || name === "readonly") this.#draw();
}
begin() {
this.#card.lang = this.locale.tag;
if (this.hasAttribute("locale")) this.#card.dir = this.locale.direction;
else this.#card.removeAttribute("dir");
this.hear("job", (told) => this.#told(told));
this.hear("refetch", () => void this.#load());
this.#follow();
}
end() {
this.#round++;
this.#unfollow();
}
get #id() {
return this.getAttribute("job") ?? "";
}
#follow() {
this.#unfollow();
this.#job = null;
this.#stopping = false;
this.#unfollow = this.client?.follow(this.#id) ?? (() => {});
this.#message(this.client === null ? this.locale.words.stopped : this.locale.words.loading);
if (this.client !== null && this.#id !== "") void this.#load();
}
async #load() {
const { client } = this;
const round = ++this.#round;
if (client === null) return;
try {
const [{ job, task }, timeline] = await Promise.all([client.job(this.#id), client.timeline(this.#id)]);
if (round !== this.#round) return;
this.#job = job;
this.#stopping = task?.stopping ?? false;
this.#history = timeline.data;
this.#own = timeline.data[0]?.detail["by"] === "user";
this.#draw();
} catch (error) {
if (round === this.#round) this.#unreadable(error);
}
}
#told(told) {
const job = this.#job;
if (told.job_id !== this.#id) return;
if (job === null) return void this.#load();
const turned = job.status !== told.status;
this.#job = { ...job, ...told, id: job.id, progress: told.progress ?? job.progress };
this.#draw();
this.tell("hermodr:job", { job: this.#job });
if (!turned) return;
this.say(`${this.#name.textContent}: ${this.#state.textContent}`);
void this.#load();
}
#draw() {
const job = this.#job;
if (job === null) return;
const { words } = this.locale;
const ended = ENDED.has(job.status);
const type = job.type ?? job.kind;
this.#name.textContent = this.getAttribute("label") || this.typeNames[type] || spelled(type);
this.#card.setAttribute("aria-label", this.#name.textContent ?? "");
const key = STATE_WORDS[ (job.status)] ?? job.status;
this.#state.textContent = this.#stopping && !ended ? words.stopping : (words[key] ?? spelled(job.status));
this.#state.dataset["state"] = job.status;
this.#state.hidden = false;
this.#progressed(job, ended);
this.#error.textContent = job.error ?? "";
this.#error.hidden = !job.error;
this.#offer(job, ended);
this.#past.replaceChildren(...this.#history.map((each) => this.#entry(each)));
}
#progressed(job, ended) {
const { progress } = job;
const part = job.status === "completed" ? 100 : (progress?.percentage ?? null);
this.#track.hidden = ended ? part === null : job.status !== "processing" && progress === null;
this.#track.setAttribute("aria-label", this.#name.textContent ?? "");
this.#bar.classList.toggle("unknown", part === null && !ended);
this.#bar.dataset["state"] = job.status;
this.#bar.style.width = part === null ? "" : `${Math.max(0, Math.min(100, part))}%`;
if (part === null) this.#track.removeAttribute("aria-valuenow");
else this.#track.setAttribute("aria-valuenow", String(Math.round(part)));
const { number } = this.locale;
const steps = progress && progress.total ? this.locale.say("of", number.format(progress.current), number.format(progress.total)) : "";
this.#step.textContent = ended ? "" : [steps, progress?.message].filter(Boolean).join(" · ");
this.#step.hidden = this.#step.textContent === "";
}
#offer(job, ended) {
const { words } = this.locale;
const mayChange = this.#own && !this.hasAttribute("readonly");
const file = job.status === "completed" ? safeLink(job.result?.file_url) : null;
const push = ( label,  onclick, part = "action") =>
h("button", { type: "button", class: "push", part, onclick }, label);
const offered = [];
if (file !== null) offered.push(h("a", { href: file.href, part: "result", rel: "noopener" }, this.locale.say("download", String(job.result.file_name ?? "")).trim()));
if (mayChange && !ended && !this.#stopping) offered.push(push(words.cancel, () => void this.#change("cancelJob"), "cancel"));
if (mayChange && (job.status === "failed" || job.status === "cancelled")) offered.push(push(words.again, () => void this.#change("retryJob"), "retry"));
const history = push(words.history, () => this.#unfold(history), "history-toggle");
history.setAttribute("aria-expanded", String(!this.#past.hidden));
history.setAttribute("aria-controls", "history");
offered.push(history);
this.#keepingFocus(() => this.#buttons.replaceChildren(...offered));
}
#keepingFocus(change) {
const part = this.shadowRoot?.activeElement?.getAttribute("part");
change();
if (!part || this.#buttons.contains(this.shadowRoot?.activeElement ?? null)) return;
const same = [...this.#buttons.children].find((each) => each.getAttribute("part") === part);
(same ?? this.#buttons.children[0])?.focus();
}
#unfold(button) {
this.#past.hidden = !this.#past.hidden;
button.setAttribute("aria-expanded", String(!this.#past.hidden));
}
#entry(each) {
const { words } = this.locale;
const key = STATE_WORDS[ (each.event)] ?? each.event;
const why = each.detail["error"] ?? each.detail["reason"] ?? "";
return h(
"li",
{},
h("span", { class: "strong" }, words[key] ?? spelled(each.event)),
" ",
h("time", { datetime: each.at }, this.locale.moment(each.at)),
why ? h("p", { class: "step", dir: "auto" }, String(why)) : null,
);
}
async #change(call) {
const { client } = this;
if (client === null) return;
try {
const { status } = await client[call](this.#id);
this.#stopping = call === "cancelJob" && status === "processing";
await this.#load();
} catch (error) {
this.#error.textContent = error instanceof InboxError && error.status > 0 ? error.message : this.locale.words.notDone;
this.#error.hidden = false;
this.say(this.#error.textContent ?? "");
}
}
#unreadable(error) {
const { words } = this.locale;
const status = error instanceof InboxError ? error.status : 0;
if (this.#job !== null && status === 0) return;
if (status === 404 || status === 422) return this.#message(words.noJob);
const again = h("button", { type: "button", class: "push", part: "action", onclick: () => void this.#load() }, words.again);
this.#message(status === 401 ? words.unauthorized : words.failed, again);
}
#message(text, button) {
this.#name.textContent = this.getAttribute("label") || text;
this.#step.textContent = this.getAttribute("label") ? text : "";
this.#step.hidden = this.#step.textContent === "";
for (const each of [this.#state, this.#track, this.#error, this.#past]) each.hidden = true;
this.#buttons.replaceChildren(...(button ? [button] : []));
this.#card.setAttribute("aria-label", this.#name.textContent ?? "");
}
}
function define() {
const { customElements } = globalThis;
if (!customElements || customElements.get("hermodr-inbox")) return;
customElements.define("hermodr-inbox", HermodrInbox);
customElements.define("hermodr-job", HermodrJob);
}
define();
export { HermodrInbox, HermodrJob, InboxClient, InboxError, InboxEvent, Feed };
