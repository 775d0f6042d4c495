import { html } from "lit";
import { meter } from "../media/level";
import { LightElement } from "./element";

const BARS = 16;

/** A row of bars that shows how loud a microphone is: <mc-level .track=${track}>. */
export class LevelBar extends LightElement {
  static override properties = { track: { attribute: false } };
  declare track: MediaStreamTrack | undefined;
  #stop: (() => void) | undefined;

  protected override updated(): void {
    this.#start();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop?.();
    this.#stop = undefined;
    this.#metered = undefined;
  }

  #metered: MediaStreamTrack | undefined;

  #start(): void {
    if (this.track === this.#metered) return;
    this.#stop?.();
    this.#metered = this.track;
    this.#show(0);
    this.#stop = this.track && meter(this.track, (level) => this.#show(level));
  }

  /** Straight to the elements: this runs many times a second. */
  #show(level: number): void {
    const lit = Math.round(level * BARS);
    [...this.querySelectorAll("i")].forEach((bar, i) => bar.classList.toggle("lit", i < lit));
    this.dataset.level = level.toFixed(2);
  }

  protected override render() {
    return html`<span class="level" aria-hidden="true">${Array.from({ length: BARS }, () => html`<i></i>`)}</span>`;
  }
}

customElements.define("mc-level", LevelBar);
