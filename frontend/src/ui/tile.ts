import { html, nothing } from "lit";
import { Hand, MicOff, MonitorUp, Pin, WifiOff } from "lucide";
import { canShow, codecName } from "../media/codecs";
import type { Participant } from "../protocol/messages";
import type { Box } from "../room/layout";
import { sends } from "../room/presence";
import type { TileSpec } from "../room/tiles";
import { RoomElement } from "./element";
import { icon } from "./icon";
import { Picture } from "./picture";
import "./avatar";

/** Without a new frame for this long a camera counts as frozen, ms. */
const STALL = 4000;
const LOOK_EVERY = 1000; // ms

/** One picture on the stage with its name and marks. A click pins it: "mc-pin" with the key. */
export class Tile extends RoomElement {
  static override properties = {
    ...RoomElement.properties,
    spec: { attribute: false },
    box: { attribute: false },
    main: { type: Boolean },
    pinned: { type: Boolean },
    stalled: { state: true },
  };
  declare spec: TileSpec;
  declare box: Box | undefined;
  declare main: boolean;
  declare pinned: boolean;
  declare stalled: boolean;
  #picture: Picture | undefined;
  #own: { track: MediaStreamTrack; stream: MediaStream } | undefined;
  #look: ReturnType<typeof setInterval> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#look = setInterval(() => {
      this.stalled = !this.#isSelf && this.spec.source === "camera" && !!this.#picture?.stalled(performance.now(), STALL);
    }, LOOK_EVERY);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#look);
    this.#picture?.clear();
  }

  get #participant(): Participant | undefined {
    return this.room.presence.get(this.spec.participant);
  }

  get #isSelf(): boolean {
    return this.spec.participant === this.room.self;
  }

  /** Whether a picture should be there at all. */
  get #sending(): boolean {
    if (this.#isSelf) return this.room.local.state(this.spec.source) === "on";
    const p = this.#participant;
    return !!p && !p.away && sends(p, this.spec.source);
  }

  /** Why there is no picture although one is sent, in words; undefined when there is no reason. */
  get #unshowable(): string | undefined {
    if (this.#isSelf || !this.#sending) return undefined;
    const picture = this.room.picture(this.spec.participant, this.spec.source);
    if (!picture || !("codec" in picture) || !picture.codec || canShow(picture.codec)) return undefined;
    const name = this.#participant?.name || "Guest";
    return `${name}’s browser sends ${codecName(picture.codec)}, which this browser cannot show.`;
  }

  protected override updated(): void {
    this.#place();
    const video = this.querySelector("video");
    if (!video) return;
    this.#picture ??= new Picture(video, () => this.requestUpdate());
    this.#feed(this.#picture);
  }

  #place(): void {
    const { box, style } = this;
    this.hidden = !box;
    if (!box) return;
    style.width = `${box.width}px`;
    style.height = `${box.height}px`;
    style.transform = `translate(${box.x}px, ${box.y}px)`;
  }

  #feed(picture: Picture): void {
    const found = this.#sending ? this.room.picture(this.spec.participant, this.spec.source) : undefined;
    if (!found) return picture.clear();
    if ("track" in found) {
      if (this.#own?.track !== found.track) this.#own = { track: found.track, stream: new MediaStream([found.track]) };
      picture.show(this.#own.stream, found.track.id);
    } else {
      picture.show(found.stream, `${found.mid}/${found.epoch}`);
    }
  }

  protected override render() {
    const p = this.#participant;
    const { spec, room } = this;
    const fresh = this.#sending && this.#picture?.fresh === true && !this.#unshowable;
    const name = p?.name || "Guest";
    const speaking = room.speakers.includes(spec.participant) && spec.source === "camera";
    this.dataset.participant = spec.participant;
    this.dataset.name = name;
    this.dataset.source = spec.source;
    this.dataset.playing = String(fresh && !this.stalled);
    this.dataset.muted = String(!p || !sends(p, "microphone"));
    this.classList.toggle("speaking", speaking && !this.#mutedMic(p));
    this.classList.toggle("screen", spec.source === "screen");
    this.classList.toggle("self", this.#isSelf);
    this.classList.toggle("main", this.main);
    return html`
      ${this.#card(name, fresh)}
      <video
        class=${`${this.#isSelf && spec.source === "camera" ? "mirrored" : ""} ${fresh ? "fresh" : ""}`}
        aria-hidden="true"
      ></video>
      ${this.stalled ? html`<span class="tile-stalled">${icon(WifiOff)} The picture is stuck</span>` : nothing}
      <button
        class="tile-hit"
        aria-pressed=${this.pinned ? "true" : "false"}
        aria-label=${`${this.pinned ? "Unpin" : "Pin"} ${spec.source === "screen" ? `the screen of ${name}` : name}`}
        @click=${() => this.tell("pin", spec.key)}
      ></button>
      ${p?.hand && spec.source === "camera"
        ? html`<span class="tile-hand" data-testid="tile-hand" role="img" aria-label="Hand raised">${icon(Hand)}</span>`
        : nothing}
      ${this.#label(name, p)}
    `;
  }

  #mutedMic(p: Participant | undefined): boolean {
    return this.#isSelf ? this.room.local.state("microphone") !== "on" : !p || !sends(p, "microphone");
  }

  #card(name: string, fresh: boolean) {
    const why = this.#unshowable;
    if (why) return html`<div class="tile-card"><p class="tile-why" data-testid="tile-why">${why}</p></div>`;
    if (fresh) return nothing;
    if (this.spec.source === "screen") {
      return html`<div class="tile-card"><span class="tile-waiting">${icon(MonitorUp)}</span></div>`;
    }
    return html`<div class="tile-card">
      <mc-avatar name=${name} seed=${this.spec.participant} class=${this.#sending ? "waiting" : ""}></mc-avatar>
    </div>`;
  }

  #label(name: string, p: Participant | undefined) {
    const screen = this.spec.source === "screen";
    const text = this.#isSelf ? (screen ? "Your screen" : `${name} (you)`) : screen ? `${name}’s screen` : name;
    return html`<span class="tile-label">
      ${this.pinned ? icon(Pin) : nothing}
      ${!screen && this.#mutedMic(p)
        ? html`<span class="tile-muted" role="img" aria-label="Microphone off">${icon(MicOff)}</span>`
        : nothing}
      <span class="tile-name">${text}</span>
      ${p?.away ? html`<span class="tile-away">reconnecting…</span>` : nothing}
    </span>`;
  }
}

customElements.define("mc-tile", Tile);
