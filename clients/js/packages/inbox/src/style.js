/** Adopted as a constructed sheet: no `style` element, so `style-src 'self'` lets it pass. */
export const SHEET = `
:host {
  --_accent: var(--hermodr-accent, light-dark(#3550c8, #a3b4ff));
  --_on-accent: var(--hermodr-on-accent, light-dark(#ffffff, #12162b));
  --_background: var(--hermodr-background, light-dark(#ffffff, #191a1f));
  --_hover: var(--hermodr-hover, light-dark(#f2f3f7, #24262d));
  --_unread: var(--hermodr-unread, light-dark(#f3f5ff, #1f2333));
  --_text: var(--hermodr-text, light-dark(#1c1d22, #ededf2));
  --_muted: var(--hermodr-muted, light-dark(#5a5e6b, #a6aab8));
  --_border: var(--hermodr-border, light-dark(#dfe1e8, #353842));
  --_danger: var(--hermodr-danger, light-dark(#b3261e, #ff9a90));
  --_good: var(--hermodr-good, light-dark(#14733c, #6fd397));
  --_warn: var(--hermodr-warn, light-dark(#8a5a00, #f0b858));
  --_radius: var(--hermodr-radius, 12px);
  --_small: calc(var(--_radius) * 0.55);
  --_shadow: var(--hermodr-shadow, 0 12px 40px rgb(0 0 0 / 0.18), 0 2px 8px rgb(0 0 0 / 0.1));
  color-scheme: light dark;
  display: inline-block;
  position: relative;
  font: 400 0.9375rem/1.45 var(--hermodr-font, system-ui, sans-serif);
  color: var(--_text);
  text-align: start;
}
:host([inline]), :host(hermodr-job) { display: block; }
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
:host([hidden]), [hidden] { display: none !important; }
*, *::before, *::after { box-sizing: border-box; }
p, ul, ol, dl, dd { margin: 0; padding: 0; font-size: inherit; }
ul, ol { list-style: none; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.strong { font-weight: 600; }
.quiet { color: var(--_muted); padding: 1.5rem; text-align: center; }
.clamped { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 4; line-clamp: 4; overflow: hidden; }
svg { width: 1.25em; height: 1.25em; fill: none; stroke: currentColor; stroke-width: 1.7; stroke-linecap: round; stroke-linejoin: round; display: block; }
svg[data-icon="more"] { stroke-width: 3; }
svg[data-icon="dot"] { fill: currentColor; stroke: none; }

button, a { font: inherit; color: inherit; }
button { background: none; border: 0; padding: 0; cursor: pointer; text-align: start; }
button:disabled { cursor: default; opacity: 0.55; }
:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
[part~="panel"]:focus { outline: none; }
.icon { display: grid; place-items: center; width: 2.25rem; height: 2.25rem; flex: none; border-radius: var(--_small); color: var(--_muted); }
.icon:hover, .bell:hover { background: var(--_hover); color: var(--_text); }
.bell[data-state="stopped"] { opacity: .6; }
.bell { display: grid; place-items: center; position: relative; width: 2.75rem; height: 2.75rem; border-radius: var(--_radius); font-size: 1.25rem; color: inherit; }
.count { position: absolute; inset-block-start: 0.3rem; inset-inline-start: 1.4rem; min-width: 1.2rem; padding: 0 0.3rem; border-radius: 1rem; background: var(--hermodr-count, light-dark(#c62a1f, #ff9a90)); color: var(--hermodr-on-count, light-dark(#ffffff, #2b0805)); font-size: 0.7rem; line-height: 1.2rem; font-weight: 700; text-align: center; }

[popover] { border: 0; padding: 0; margin: 0; inset: auto; color: var(--_text); background: var(--_background); overflow: hidden; }
[part~="panel"] { width: var(--hermodr-width, 25rem); max-width: calc(100vw - 16px); background: var(--_background); border: 1px solid var(--_border); border-radius: var(--_radius); overflow: hidden; }
[part~="panel"][popover] { position: fixed; z-index: 2147483000; box-shadow: var(--_shadow); max-height: min(var(--hermodr-height, 36rem), var(--room, 80vh)); }
[part~="panel"]:not([hidden]) { display: flex; flex-direction: column; }
:host([inline]) [part~="panel"] { width: auto; max-width: none; }
.header { display: flex; align-items: center; gap: 0.15rem; padding: 0.6rem 0.6rem 0.35rem 1rem; padding-inline: 1rem 0.6rem; }
.header > .icon:first-child { margin-inline-start: -0.5rem; }
.header .title { font-size: 1.05rem; overflow-wrap: anywhere; }
.connection { flex: 1; display: flex; align-items: center; padding-inline-start: 0.6rem; min-height: 1rem; }
.connection::before { content: ""; width: 0.5rem; height: 0.5rem; border-radius: 50%; background: var(--_warn); }
.connection[data-state="live"]::before { background: var(--_good); }
.connection:is([data-state="offline"], [data-state="unauthorized"])::before { background: var(--_background); border: 2px solid var(--_danger); }
.connection[data-state="connecting"]::before { animation: breathe 1.4s ease-in-out infinite; }
@keyframes breathe { 50% { opacity: 0.25; } }
[role="tablist"] { display: flex; gap: 0.2rem; padding: 0 0.7rem; border-block-end: 1px solid var(--_border); overflow-x: auto; scrollbar-width: none; flex: none; }
[role="tab"] { padding: 0.5rem 0.6rem; color: var(--_muted); white-space: nowrap; border-block-end: 2px solid transparent; outline-offset: -2px; }
[role="tab"]:hover { color: var(--_text); }
[role="tab"][aria-selected="true"] { color: var(--_text); font-weight: 600; border-color: var(--_accent); }
.body { overflow-y: auto; overscroll-behavior: contain; flex: 1; min-height: 8rem; }

li { position: relative; display: flex; align-items: start; gap: 0.25rem; padding: 0.75rem 0.5rem 0.75rem 1rem; padding-inline: 1rem 0.5rem; }
[part~="list"] li + li { border-block-start: 1px solid var(--_border); }
[part~="item"]:hover { background: var(--_hover); }
[part~="item"].unread { background: var(--_unread); }
li .text { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.headline { display: flex; align-items: start; gap: 0.5rem; }
.mark { flex: none; width: 0.5rem; height: 0.5rem; margin-block-start: 0.5em; border-radius: 50%; background: var(--_accent); }
[part~="item-title"] { font-weight: 500; text-decoration: none; text-align: start; min-width: 0; }
.unread [part~="item-title"] { font-weight: 650; }
[part~="item-title"]::after { content: ""; position: absolute; inset: 0; }
[part~="item-title"]:focus-visible { outline: none; }
[part~="item-title"]:focus-visible::after { outline: 2px solid var(--_accent); outline-offset: -3px; border-radius: var(--_small); }
a[part~="item-title"]:hover { text-decoration: underline; }
[part~="item-message"] { color: var(--_muted); white-space: pre-line; margin-block-start: 0.15rem; text-align: start; }
.unread [part~="item-message"] { color: var(--_text); }
time { color: var(--_muted); font-size: 0.8125rem; display: block; margin-block-start: 0.25rem; }
.actions { display: flex; position: relative; z-index: 1; margin-block-start: -0.35rem; }
.actions .icon { width: 2rem; height: 2rem; }
.whole, .more[type] { position: relative; z-index: 1; color: var(--_accent); font-weight: 500; }
.more[type] { display: block; width: 100%; padding: 0.85rem; text-align: center; border-block-start: 1px solid var(--_border); }
.more[type]:hover { background: var(--_hover); }
.notice { display: grid; justify-items: center; gap: 0.35rem; padding: 3rem 1.5rem; text-align: center; color: var(--_muted); }
.notice svg { font-size: 2rem; opacity: 0.5; margin-block-end: 0.5rem; }
.notice .strong { color: var(--_text); }
.failure { padding: 1.25rem 1rem 0; text-align: center; }
.failure .more[type] { border: 0; width: auto; margin: 0.25rem auto 0.75rem; padding: 0.5rem 1rem; border-radius: var(--_small); }

[part~="menu"] { position: fixed; z-index: 2147483001; min-width: 13rem; padding: 0.3rem; border: 1px solid var(--_border); border-radius: var(--_radius); box-shadow: var(--_shadow); }
[part~="menu"]:not([hidden]) { display: grid; }
[role="menuitem"] { padding: 0.55rem 0.75rem; border-radius: var(--_small); }
[role="menuitem"]:hover, [role="menuitem"]:focus { background: var(--_hover); outline: none; }
[role="menuitem"]:focus-visible { outline: 2px solid var(--_accent); outline-offset: -2px; }
.danger { color: var(--_danger); font-weight: 600; }

.wishes { padding: 0.25rem 1rem 1rem; }
fieldset { border: 0; margin: 0; padding: 0.85rem 0 0; display: flex; flex-wrap: wrap; gap: 0.4rem; min-width: 0; }
fieldset + fieldset { border-block-start: 1px solid var(--_border); margin-block-start: 0.85rem; }
legend { float: inline-start; width: 100%; font-weight: 600; padding: 0; margin-block-end: 0.2rem; }
fieldset > p { width: 100%; color: var(--_muted); font-size: 0.875rem; }
label { display: inline-flex; align-items: center; gap: 0.45rem; padding: 0.35rem 0.7rem; border: 1px solid var(--_border); border-radius: 2rem; cursor: pointer; }
label:hover { background: var(--_hover); }
label:has(:checked:enabled) { border-color: var(--_accent); }
label:has(:disabled) { cursor: default; background: var(--_hover); color: var(--_muted); }
input { accent-color: var(--_accent); width: 1rem; height: 1rem; margin: 0; }

.toasts { position: fixed; inset-block-end: 1rem; inset-inline-end: 1rem; background: none; overflow: visible; width: min(23rem, calc(100vw - 2rem)); z-index: 2147483002; }
.toasts:not([hidden]) { display: grid; gap: 0.5rem; }
.toast { display: flex; align-items: center; gap: 0.5rem; padding: 0.6rem 0.5rem 0.6rem 1rem; padding-inline: 1rem 0.5rem; border: 1px solid var(--_border); border-radius: var(--_radius); background: var(--_background); box-shadow: var(--_shadow); animation: rise 0.2s ease-out; }
.toast .text { flex: 1; min-width: 0; overflow-wrap: anywhere; }
.toast .text p + p { color: var(--_muted); -webkit-line-clamp: 2; line-clamp: 2; }
[part~="toast-action"] { color: var(--_accent); font-weight: 600; padding: 0.4rem 0.6rem; border-radius: var(--_small); }
[part~="toast-action"]:hover { background: var(--_hover); }
@keyframes rise { from { transform: translateY(0.5rem); opacity: 0; } }

.job { padding: 1rem; border: 1px solid var(--_border); border-radius: var(--_radius); background: var(--_background); display: grid; gap: 0.65rem; overflow-wrap: anywhere; }
.job .headline { align-items: center; justify-content: space-between; flex-wrap: wrap; }
.state { font-size: 0.8125rem; font-weight: 600; padding: 0.15rem 0.6rem; border-radius: 1rem; border: 1px solid currentColor; color: var(--_muted); }
.state[data-state="completed"] { color: var(--_good); }
.state[data-state="failed"] { color: var(--_danger); }
.state:is([data-state="processing"], [data-state="retrying"]) { color: var(--_accent); }
.track { height: 0.5rem; border-radius: 1rem; background: var(--_hover); overflow: hidden; }
.bar { height: 100%; width: 0; border-radius: inherit; background: var(--_accent); transition: width 0.3s; }
.bar[data-state="completed"] { background: var(--_good); }
.bar:is([data-state="failed"], [data-state="cancelled"]) { background: var(--_muted); }
.bar.unknown { width: 35%; animation: pass 1.6s ease-in-out infinite; }
@keyframes pass { from { transform: translateX(-110%); } to { transform: translateX(300%); } }
.job .step { color: var(--_muted); font-size: 0.875rem; }
.job .error { color: var(--_danger); }
.job .buttons { display: flex; flex-wrap: wrap; gap: 0.5rem; }
.push, .job a { padding: 0.4rem 0.9rem; border: 1px solid var(--_border); border-radius: var(--_small); font-weight: 500; text-decoration: none; }
.push:hover, .job a:hover { background: var(--_hover); }
.job a { color: var(--_accent); }
.job ol { border-inline-start: 2px solid var(--_border); margin-inline-start: 0.3rem; padding-inline-start: 0.9rem; display: grid; gap: 0.6rem; }
.job ol li { display: block; padding: 0; }
.job ol time { display: inline; }

@media (max-width: 30rem) {
  [part~="panel"][popover] { inset: 0 !important; width: 100vw; max-width: none; height: 100dvh; max-height: none; border: 0; border-radius: 0; }
  .toasts { inset-inline: 1rem; width: auto; }
}
@media (pointer: coarse) {
  .actions .icon { width: 2.5rem; height: 2.5rem; }
  .actions { margin-block-start: -0.5rem; }
}
@media (prefers-reduced-motion: reduce) { *, *::before { animation: none !important; transition: none !important; } }
@media (forced-colors: active) { .mark, .connection::before, .bar { background: CanvasText; forced-color-adjust: none; } }
`;
