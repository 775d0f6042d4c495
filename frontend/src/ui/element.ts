import { LitElement, type PropertyValues } from "lit";
import type { Room } from "../room/room";

/** A component in the light DOM: page styles reach it, and so do tests. */
export abstract class LightElement extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  /** Tells the parents something; name without the "mc-". */
  protected tell(name: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(`mc-${name}`, { detail, bubbles: true }));
  }
}

/** A component that shows a room and follows its changes. */
export abstract class RoomElement extends LightElement {
  static override properties = { room: { attribute: false } };
  declare room: Room;
  #off: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.room) this.#follow();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#off?.();
    this.#off = undefined;
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("room") && this.isConnected) this.#follow();
  }

  #follow(): void {
    this.#off?.();
    this.#off = this.room.on("change", () => this.requestUpdate());
  }
}
