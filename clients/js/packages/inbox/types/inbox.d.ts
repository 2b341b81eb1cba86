/**
 * `<hermodr-inbox api="https://notify.example.com" token="…">`: a bell with the number of unread notifications, and a
 * panel with all of them. Attributes beside those of all elements: `open`, `inline` (the list stands in the page,
 * without a bell), `link` (the name in `data` that holds an address; `url`), `toasts="off"`, `background`.
 *
 * Events: `hermodr:notification`, `hermodr:count`, `hermodr:open` (somebody chose a notification; `preventDefault()`
 * keeps the page from following its link), `hermodr:connection`.
 */
export class HermodrInbox extends HermodrElement {
    set open(open: boolean);
    get open(): boolean;
    #private;
}
export type Notification = import("./client.js").Notification;
export type View = import("./feed.js").View;
import { HermodrElement } from "./base.js";
