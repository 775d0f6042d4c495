import { html, nothing, type PropertyValues } from "lit";
import { Check, CircleDashed, Minus, RotateCw, X, type IconNode } from "lucide";
import { RoomElement } from "./element";
import { icon } from "./icon";
import { advice, steps, type Step } from "./reach-words";

const ICONS: Record<Step["state"], IconNode> = { ok: Check, failed: X, trying: CircleDashed, none: Minus };
const SPOKEN: Record<Step["state"], string> = { ok: "works", failed: "does not work", trying: "is being tried", none: "is not there" };

/** Why there is no sound and no picture, step by step, and what to do. */
export class NoMedia extends RoomElement {
  static override properties = { ...RoomElement.properties, dismissed: { state: true } };
  declare dismissed: boolean;

  constructor() {
    super();
    this.dismissed = false;
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    if (!this.room.media.blocked) this.dismissed = false; // the next time it is news again
  }

  protected override render() {
    const { room } = this;
    const ways = room.media.blocked;
    if (!ways || !room.inside || room.ended || this.dismissed) return nothing;
    return html`<section class="no-media" role="alert" aria-labelledby="no-media-title" data-testid="no-media">
      <header class="no-media-head">
        <h2 id="no-media-title">No sound and pictures</h2>
        <button class="icon-button" aria-label="Hide" data-testid="no-media-hide" @click=${() => (this.dismissed = true)}>${icon(X)}</button>
      </header>
      <p class="muted">You are in the meeting, but nothing gets through to where sound and pictures go.</p>
      <ol class="no-media-steps">
        ${steps(ways, room.connection === "joined").map(
          (s, i) => html`<li class=${s.state} data-testid="reach-step" data-step=${["signaling", "udp", "tcp", "relay"][i] ?? ""} data-state=${s.state}>
            <span class="no-media-mark" role="img" aria-label=${SPOKEN[s.state]}>${icon(ICONS[s.state])}</span>
            <span><strong>${s.name}</strong> <span class="muted">${s.text}</span></span>
          </li>`,
        )}
      </ol>
      <h3>What you can do</h3>
      <ul class="no-media-advice">
        ${advice(ways).map((text) => html`<li>${text}</li>`)}
      </ul>
      <button class="button primary" data-testid="no-media-retry" @click=${() => room.media.retry()}>${icon(RotateCw)} Try again</button>
    </section>`;
  }
}

customElements.define("mc-no-media", NoMedia);
