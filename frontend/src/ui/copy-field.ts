import { html } from "lit";
import { Check, Copy, ExternalLink } from "lucide";
import { copyText } from "./clipboard";
import { LightElement } from "./element";
import { icon } from "./icon";

/** How long "copied" stays, ms. */
const SHOWN = 2000;

/** A link to look at, copy and open: <mc-copy label="Live" value="https://…">. */
export class CopyField extends LightElement {
  static override properties = {
    label: {},
    value: {},
    open: { type: Boolean },
    testid: {},
    copied: { state: true },
  };
  declare label: string;
  declare value: string;
  declare open: boolean;
  declare testid: string;
  declare copied: boolean;

  protected override render() {
    return html`<div class="field copy-field">
      <label for=${this.#id}>${this.label}</label>
      <div class="copy-row">
        <input
          class="input mono"
          id=${this.#id}
          data-testid=${this.testid}
          readonly
          .value=${this.value}
          @focus=${(e: Event) => (e.target as HTMLInputElement).select()}
        />
        <button class="icon-button filled" aria-label=${`Copy: ${this.label}`} @click=${this.#copy}>
          ${icon(this.copied ? Check : Copy)}
        </button>
        ${this.open
          ? html`<a
              class="icon-button filled"
              href=${this.value}
              target="_blank"
              rel="noopener"
              aria-label=${`Open: ${this.label}`}
              >${icon(ExternalLink)}</a
            >`
          : ""}
      </div>
      <span class="visually-hidden" role="status">${this.copied ? "Copied" : ""}</span>
    </div>`;
  }

  readonly #id = `copy-${Math.random().toString(36).slice(2)}`;

  async #copy(): Promise<void> {
    this.copied = await copyText(this.value);
    if (!this.copied) this.querySelector("input")?.select(); // to be copied by hand
    setTimeout(() => (this.copied = false), SHOWN);
  }
}

customElements.define("mc-copy", CopyField);
