/** Makes `<hermodr-inbox>` and `<hermodr-job>` known to the page, once; on a server it does nothing. */
export function define(): void;
import { HermodrInbox } from "./inbox.js";
import { HermodrJob } from "./job.js";
export { HermodrInbox, HermodrJob };
