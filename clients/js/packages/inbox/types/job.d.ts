/**
 * `<hermodr-job job="01a2…" api="…" token="…">`: how a job of the user's fares, step by step, with its history and, for
 * what the user asked for, buttons to cancel and to try again (`readonly` leaves them out). Without `api` and `token` it
 * uses those of the page's `<hermodr-inbox>`. `label` is what it is called. Event: `hermodr:job` after each change.
 */
export class HermodrJob extends HermodrElement {
    #private;
}
export type Job = import("./client.js").Job;
import { HermodrElement } from "./base.js";
