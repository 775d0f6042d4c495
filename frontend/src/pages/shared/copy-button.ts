import { html } from "lit";
import { Check, Copy, X } from "lucide";
import { copyText } from "../../ui/clipboard";
import { LightElement } from "../../ui/element";
import { icon } from "../../ui/icon";

/** The answer to a click stays this long, ms. */
const answerFor = 1600;

/** <copy-button .text=… label="link">: copies a text and says so. */
export class CopyButton extends LightElement {
  static override properties = { text: {}, label: {} };

  declare text: string;
  /** What is copied, for screen readers: "Copy the link". */
  declare label: string;
  #answer: "" | "copied" | "failed" = "";
  #timer = 0;

  constructor() {
    super();
    this.text = "";
    this.label = "";
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  protected override render(): unknown {
    const shown = { "": Copy, copied: Check, failed: X }[this.#answer];
    const label = { "": `Copy the ${this.label}`, copied: "Copied", failed: "Could not copy: select it and copy by hand" }[this.#answer];
    return html`<button type="button" class="icon-button filled" title=${label} aria-label=${label} @click=${this.#copy}>${icon(shown)}</button>
      <span class="visually-hidden" role="status">${this.#answer ? label : ""}</span>`;
  }

  readonly #copy = async (): Promise<void> => {
    this.#answer = (await copyText(this.text)) ? "copied" : "failed";
    this.requestUpdate();
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      this.#answer = "";
      this.requestUpdate();
    }, answerFor);
  };
}

customElements.define("copy-button", CopyButton);
