/**
 * One event of a stream.
 * @typedef {{ event: string, data: any, id: string | null }} StreamedEvent
 */

/**
 * Reads Server-Sent Events (WHATWG HTML, §9.2) whose data is JSON. `alive` is called for every chunk, signs of life
 * included. Ends when the stream does; throws what reading throws.
 * @param {ReadableStream<Uint8Array>} body
 * @param {() => void} alive
 * @returns {AsyncGenerator<StreamedEvent, void, void>}
 */
export async function* eventsOf(body, alive) {
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
    reader.cancel().catch(() => {}); // the connection is gone already
  }
}

/** @param {string} block @returns {StreamedEvent | null} null: a comment, or nothing but a field that says no event */
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
