import { h } from "./dom.js";
import { spelled } from "./locale.js";
import { notice } from "./rows.js";

/**
 * The page of wishes: for each type of notification the channels it may come on. A change is sent as it is made, and
 * taken back if it fails.
 * @param {import("./client.js").InboxClient} client
 * @param {import("./locale.js").Locale} locale
 * @param {Record<string, string>} typeNames what types are called
 * @param {(error: unknown) => void} failed
 */
export async function wishes(client, locale, typeNames, failed) {
  const { words } = locale;
  const found = await client.preferences(locale.tag);
  /**
   * @param {string} name @param {string | null} id @param {Record<string, boolean>} channels
   * @param {boolean} [fixed] @param {string | null} [description]
   */
  const group = (name, id, channels, fixed = false, description = null) =>
    h(
      "fieldset",
      { part: "wish" },
      h("legend", { dir: "auto" }, name),
      description !== null ? h("p", { dir: "auto" }, description) : null,
      fixed ? h("p", {}, words.always) : null,
      ...Object.entries(channels).map(([channel, on]) => {
        const box = h("input", { type: "checkbox", checked: on, disabled: fixed });
        box.addEventListener("change", async () => {
          try {
            await client.changePreference(id, { [channel]: box.checked });
          } catch (error) {
            box.checked = !box.checked;
            failed(error);
          }
        });
        return h("label", {}, box, h("span", {}, words[channel] ?? spelled(channel)));
      }),
    );
  const groups = found.data
    .filter((each) => Object.keys(each.channels).length > 0)
    .map(({ id, type, label, channels, critical }) =>
      group(typeNames[type] ?? label.title, id, channels, critical, label.description),
    );
  if (Object.keys(found.channels).length > 0) groups.push(group(words.others, null, found.channels));
  return groups.length > 0 ? h("div", { class: "wishes", part: "wishes" }, ...groups) : notice(words.noWishes);
}
