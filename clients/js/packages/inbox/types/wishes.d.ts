/**
 * The page of wishes: for each type of notification the channels it may come on. A change is sent as it is made, and
 * taken back if it fails.
 * @param {import("./client.js").InboxClient} client
 * @param {import("./locale.js").Locale} locale
 * @param {Record<string, string>} typeNames what types are called
 * @param {(error: unknown) => void} failed
 */
export function wishes(client: import("./client.js").InboxClient, locale: import("./locale.js").Locale, typeNames: Record<string, string>, failed: (error: unknown) => void): Promise<HTMLDivElement>;
