// Making elements, calling the sandbox, and saying sizes and times: what all parts of the page need.

export const byId = (id) => document.getElementById(id);

export const sizeOf = (octets) => octets < 1000 ? `${octets} B` : octets < 1e6 ? `${(octets / 1000).toFixed(1)} kB` : `${(octets / 1e6).toFixed(1)} MB`;

export function timeOf(stamp) {
  const date = new Date(stamp);
  const today = date.toDateString() === new Date().toDateString();
  return today ? date.toLocaleTimeString([], { hour12: false }) : date.toLocaleString([], { dateStyle: "short", timeStyle: "short", hour12: false });
}

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export async function call(path, options) {
  const answer = await fetch(path, options);
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({ title: answer.statusText }));
    const reasons = (problem.errors ?? []).map((error) => error.msg).join("; ");
    throw new Error(reasons || problem.detail || problem.title);
  }
  return answer.status === 204 ? null : answer;
}
