import { html } from "lit";
import { duration } from "./broadcast-words";
import { LightElement } from "./element";

/** The time since a moment, counting: <mc-elapsed .since=${unixMs}>. */
export class Elapsed extends LightElement {
  static override properties = { since: { type: Number } };
  declare since: number;
  #timer: ReturnType<typeof setInterval> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setInterval(() => this.requestUpdate(), 1000);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  protected override render() {
    return html`<time class="elapsed">${duration(Date.now() - this.since)}</time>`;
  }
}

customElements.define("mc-elapsed", Elapsed);
