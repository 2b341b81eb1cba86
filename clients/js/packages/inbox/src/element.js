import { HermodrInbox } from "./inbox.js";
import { HermodrJob } from "./job.js";

/** Makes `<hermodr-inbox>` and `<hermodr-job>` known to the page, once; on a server it does nothing. */
export function define() {
  const { customElements } = globalThis;
  if (!customElements || customElements.get("hermodr-inbox")) return;
  customElements.define("hermodr-inbox", HermodrInbox);
  customElements.define("hermodr-job", HermodrJob);
}

define();

export { HermodrInbox, HermodrJob };
