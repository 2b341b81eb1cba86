/** An event with what it tells in `detail`; `CustomEvent` is not everywhere where a headless client runs. */
export class InboxEvent extends Event {
  /** @param {string} type @param {any} [detail] */
  constructor(type, detail) {
    super(type);
    this.detail = detail;
  }
}
