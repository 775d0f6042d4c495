import { html } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { Info, TriangleAlert, X } from "lucide";
import type { Notice } from "../room/room";
import { LightElement } from "./element";
import { icon } from "./icon";

interface Shown extends Notice {
  id: number;
}

/** Errors stay longer: they have to be read. ms */
const STAYS = { info: 4000, error: 9000 };
const MOST = 3;

/** Short messages above the controls. Call add(). */
export class Toasts extends LightElement {
  static override properties = { list: { state: true } };
  declare list: Shown[];
  #next = 1;

  constructor() {
    super();
    this.list = [];
  }

  add(notice: Notice): void {
    // The same sentence twice is noise.
    const others = this.list.filter((t) => t.text !== notice.text);
    const toast = { ...notice, id: this.#next++ };
    this.list = [...others, toast].slice(-MOST);
    setTimeout(() => this.#remove(toast.id), STAYS[notice.kind]);
  }

  #remove(id: number): void {
    this.list = this.list.filter((t) => t.id !== id);
  }

  protected override render() {
    return html`<div class="toasts" role="status" aria-live="polite">
      ${repeat(
        this.list,
        (t) => t.id,
        (t) => html`<div class="toast ${t.kind}" data-testid="toast">
          ${icon(t.kind === "error" ? TriangleAlert : Info)}<span>${t.text}</span>
          <button class="icon-button small" aria-label="Dismiss" @click=${() => this.#remove(t.id)}>${icon(X)}</button>
        </div>`,
      )}
    </div>`;
  }
}

customElements.define("mc-toasts", Toasts);
