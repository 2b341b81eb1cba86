// Making elements and calling the sandbox: what both halves of the page need.

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
