import { ar } from "./arabic.js";
import { LANGUAGES } from "./words.js";

const ALL = /** @type {Record<string, import("./words.js").Words>} */ ({ ...LANGUAGES, ar });
const RIGHT_TO_LEFT = new Set(["ar", "fa", "he", "ur"]);
const STEPS = /** @type {const} */ ([
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
]);
const DAYS_MS = 7 * 86400_000;

/** A language's words and its way with times. */
export class Locale {
  /** @param {string} tag such as `de-AT` @param {Partial<import("./words.js").Words>} [own] words instead of ours */
  constructor(tag, own = {}) {
    const language = tag.toLowerCase().split("-")[0] ?? "";
    this.tag = Intl.DateTimeFormat.supportedLocalesOf(valid(tag))[0] ?? "en";
    this.words = /** @type {import("./words.js").Words & Record<string, string>} */ ({ ...(ALL[language] ?? ALL["en"]), ...own });
    this.direction = RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";
    this.#relative = new Intl.RelativeTimeFormat(this.tag, { numeric: "auto" });
    this.#day = new Intl.DateTimeFormat(this.tag, { dateStyle: "medium" });
    this.#whole = new Intl.DateTimeFormat(this.tag, { dateStyle: "medium", timeStyle: "short" });
    this.number = new Intl.NumberFormat(this.tag);
  }

  #relative;
  #day;
  #whole;

  /** @param {keyof import("./words.js").Words} name @param {string[]} values */
  say(name, ...values) {
    return this.words[name].replace(/\{(\d)\}/g, (_, index) => values[Number(index)] ?? "");
  }

  /** `5 minutes ago`; a date if it is longer ago than a week. @param {string} at @param {number} [now] */
  ago(at, now = Date.now()) {
    const moment = Date.parse(at);
    if (Math.abs(now - moment) > DAYS_MS) return this.#day.format(moment);
    const seconds = (moment - now) / 1000;
    const step = STEPS.find(([, size]) => Math.abs(seconds) >= size);
    if (step === undefined) return this.#relative.format(0, "second");
    return this.#relative.format(Math.round(seconds / step[1]), step[0]);
  }

  /** @param {string | number | Date} at */
  moment(at) {
    return this.#whole.format(new Date(at));
  }
}

/** @param {string} tag */
function valid(tag) {
  try {
    return Intl.getCanonicalLocales(tag);
  } catch {
    return []; // no language tag at all
  }
}

/** `booking_confirmation` as people write: `Booking confirmation`. @param {string} name */
export function spelled(name) {
  const words = name.replace(/[_-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
