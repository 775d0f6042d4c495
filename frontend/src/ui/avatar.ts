import { LightElement } from "./element";
import { hue, initials } from "../room/presence";
import { html } from "lit";

/** The initials of somebody on a colour of their own: <mc-avatar name="Ann" seed="m-1">. */
export class Avatar extends LightElement {
  static override properties = { name: {}, seed: {} };
  declare name: string;
  declare seed: string;

  protected override updated(): void {
    this.style.setProperty("--hue", String(hue(this.seed || this.name)));
  }

  protected override render() {
    return html`<span aria-hidden="true">${initials(this.name)}</span>`;
  }
}

customElements.define("mc-avatar", Avatar);
