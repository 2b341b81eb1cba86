// The faults panel: list, add from presets, remove.
import { call, element } from "./dom.js";

const byId = (id) => document.getElementById(id);

const PRESETS = [
  ["451 twice per address", { stage: "rcpt", action: { kind: "reply", code: 451 }, first_per_address: 2 }],
  ["550 bounce", { stage: "rcpt", action: { kind: "reply", code: 550 } }],
  ["421 throttle", { stage: "mail", action: { kind: "throttle" } }, { stage: "rcpt" }],
  ["452 after the mail", { stage: "after_data", action: { kind: "reply", code: 452 } }],
  ["Delay 2 s", { stage: "after_data", action: { kind: "delay", seconds: 2 } }],
  ["Fail 10 % (450)", { stage: "rcpt", action: { kind: "reply", code: 450 }, probability: 0.1 }],
  ["Cut before accepting, once", { action: { kind: "drop_before_accept" }, times: 1 }],
  ["Cut after accepting, once", { action: { kind: "drop_after_data" }, times: 1 }],
  ["Accept, then answer 500, once", { action: { kind: "lie" }, times: 1 }],
  ["3 connections, else 421", { stage: "connect", action: { kind: "throttle", text: "4.7.0 Too many connections" }, above_connections: 3 }, null],
  ["5 mails a second, else 454", { stage: "mail", action: { kind: "reply", code: 454 }, above_rate: 5 }, { stage: "rcpt" }],
  ["Report a bounce, 5 s late", { action: { kind: "report", outcomes: ["bounced"], after: 5 } }],
  ["Report opened before delivered, each twice", { action: { kind: "report", outcomes: ["opened", "delivered"], twice: true } }],
  ["Refuse connections 10 s", { action: { kind: "refuse" }, expires_in: 10 }, null],
];

const TAGS = [
  ["ann+451x2@example.org", "451 twice, then accepted"],
  ["ann+550@example.org", "bounces"],
  ["ann+421@example.org", "421 and closed"],
  ["ann+delay2@example.org", "answers after 2 s"],
  ["ann+452-dot@example.org", "452 at the final dot"],
  ["ann+dropx1-dot@example.org", "cut, nothing stored, once"],
  ["ann+dropafterx1@example.org", "stored, then cut before the 250, once"],
  ["ann+liex1@example.org", "stored, then answered 500, once"],
  ["ann+delay1+451x1@example.org", "several combine"],
];

export function tagExamples(count = TAGS.length) {
  return TAGS.slice(0, count).map(([address, meaning]) => element("li", {}, element("code", {}, address), meaning));
}

function describe(rule) {
  const action = rule.action;
  const does = {
    reply: () => `${action.code}${action.text ? ` ${action.text}` : ""}`, delay: () => `delay ${action.seconds} s`, drop: () => "cut",
    drop_after_data: () => "store, then cut", lie: () => `store, then answer ${action.code}`, drop_before_accept: () => "cut, store nothing", throttle: () => "421 and close", refuse: () => "refuse connections",
    report: () => `${action.outcomes.join(", ") || "nothing"}${action.twice ? ", each twice" : ""}${action.after ? ` after ${action.after} s` : ""}`,
  }[action.kind]();
  return action.kind === "refuse" ? does : `${does} at ${rule.stage}`;
}

function conditions(rule) {
  const words = [];
  if (rule.provider) words.push(`by ${rule.provider}`);
  if (rule.recipient) words.push(`to ${rule.recipient}`);
  if (rule.sender) words.push(`from ${rule.sender}`);
  if (rule.nth) words.push(`only number ${rule.nth}`);
  if (rule.every) words.push(`every ${rule.every}th`);
  if (rule.first) words.push(`first ${rule.first}`);
  if (rule.first_per_address) words.push(`first ${rule.first_per_address} per address`);
  if (rule.probability) words.push(`${Math.round(rule.probability * 100)} %`);
  if (rule.above_connections) words.push(`above ${rule.above_connections} connections`);
  if (rule.above_rate) words.push(`above ${rule.above_rate}/s`);
  if (rule.times) words.push(`at most ${rule.times}×`);
  if (rule.expires_in) words.push(`${Math.ceil(rule.expires_in)} s left`);
  if (!rule.active) words.push("spent");
  return [`fired ${rule.fired}×`, ...words].join(" · ");
}

function complain(error) {
  byId("fault-error").textContent = error.message;
  byId("fault-error").hidden = false;
}

async function list() {
  const { data } = await (await call("/v1/faults")).json();
  const rows = data.reverse().map((rule) => {
    const remove = element("button", { type: "button", class: "quiet", "aria-label": `Remove rule: ${describe(rule)}` }, "✕");
    remove.addEventListener("click", () => change(`/v1/faults/${rule.id}`, { method: "DELETE" }));
    return element("li", rule.active ? {} : { class: "spent" }, element("b", {}, describe(rule)), element("small", {}, conditions(rule)), remove);
  });
  byId("rules").replaceChildren(...rows);
  byId("clear-faults").hidden = rows.length === 0;
}

async function change(path, options) {
  byId("fault-error").hidden = true;
  try {
    await call(path, options);
    await list();
  } catch (error) {
    complain(error);
  }
}

function add(spec, withRecipient) {
  const recipient = byId("fault-recipient").value.trim();
  const rule = recipient && withRecipient !== null ? { ...spec, ...withRecipient, recipient } : spec;
  change("/v1/faults", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(rule) });
}

let shown = "";
export function refreshFaults(counts) {
  const now = JSON.stringify(counts);
  if (now === shown || byId("faults").hidden) return;
  shown = now;
  list().catch(complain);
}

export function openFaults() {
  byId("faults").hidden = false;
  byId("main").classList.add("with-faults");
  byId("open-faults").setAttribute("aria-expanded", "true");
  list().catch(complain);
}

export function closeFaults() {
  byId("faults").hidden = true;
  byId("main").classList.remove("with-faults");
  byId("open-faults").setAttribute("aria-expanded", "false");
}

for (const [name, spec, withRecipient = {}] of PRESETS) {
  const button = element("button", { type: "button" }, name);
  button.addEventListener("click", () => add(spec, withRecipient));
  byId("presets").append(button);
}
byId("close-faults").addEventListener("click", closeFaults);
byId("clear-faults").addEventListener("click", () => change("/v1/faults", { method: "DELETE" }));
setInterval(() => { if (!byId("faults").hidden && !document.hidden) list().catch(complain); }, 2000);
