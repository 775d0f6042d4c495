import { html, type TemplateResult } from "lit";
import { X } from "lucide";
import { icon } from "./icon";
import { LightElement } from "./element";

/**
 * A modal dialog: <mc-dialog heading="Invite" .body=${html`…`}>. The browser's
 * own <dialog> keeps the focus inside, closes on Esc and makes the rest inert.
 * It tells "mc-close" when it wants to be gone.
 */
export class MeetDialog extends LightElement {
  static override properties = {
    heading: {},
    body: { attribute: false },
    testid: {},
  };
  declare heading: string;
  declare body: TemplateResult;
  declare testid: string;
  #before: Element | null = null;

  protected override firstUpdated(): void {
    this.#before = document.activeElement;
    this.querySelector("dialog")?.showModal();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    if (this.#before instanceof HTMLElement) this.#before.focus();
  }

  protected override render() {
    return html`<dialog
      class="dialog"
      aria-label=${this.heading}
      data-testid=${this.testid}
      @cancel=${(e: Event) => {
        e.preventDefault();
        this.tell("close");
      }}
      @click=${this.#onClick}
    >
      <div class="dialog-inner">
        <header class="panel-header">
          <h2 tabindex="-1" autofocus>${this.heading}</h2>
          <button class="icon-button" aria-label="Close" @click=${() => this.tell("close")}>${icon(X)}</button>
        </header>
        <div class="dialog-body">${this.body}</div>
      </div>
    </dialog>`;
  }

  /** A click beside the box lands on the dialog itself: that is the backdrop. */
  #onClick(e: Event): void {
    if (e.target === e.currentTarget) this.tell("close");
  }
}

customElements.define("mc-dialog", MeetDialog);
