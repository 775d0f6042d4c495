import { html, nothing } from "lit";
import { Player } from "../../player/player";
import { LightElement } from "../../ui/element";
import { bar, type BarModel } from "./bar";
import { latencyText } from "./format";
import type { PlayerParams } from "./params";
import { nameForm, screen, soundButton } from "./screens";
import { statsPanel, Throughput } from "./stats";

/** Figures are looked at this often, ms. */
const refreshEvery = 500;
/** The controls hide after this long without a move, ms. */
const idleAfter = 2600;
/** Where the volume is remembered. */
const volumeKey = "meetcast.player.volume";

/** The player page: a video that fills the window, with controls over it. */
export class PlayerPage extends LightElement {
  params: PlayerParams = { name: "", muted: false, autoplay: true, controls: true, source: undefined };

  #video!: HTMLVideoElement;
  #player: Player | undefined;
  #hasPlayed = false;
  #idle = false;
  #stats = false;
  #bits = 0;
  readonly #throughput = new Throughput();
  #timer = 0;
  #idleTimer = 0;

  /** The player, once the page is there. */
  get player(): Player | undefined {
    return this.#player;
  }

  // The page is the document: its styles are the document's.
  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("keydown", this.#key);
    document.addEventListener("fullscreenchange", this.#refresh);
    this.#timer = window.setInterval(this.#refresh, refreshEvery);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("keydown", this.#key);
    document.removeEventListener("fullscreenchange", this.#refresh);
    clearInterval(this.#timer);
    clearTimeout(this.#idleTimer);
    this.#player?.close();
  }

  protected override firstUpdated(): void {
    const video = this.querySelector("video");
    if (!video) return; // no stream named
    this.#video = video;
    video.muted = this.params.muted;
    video.volume = rememberedVolume();
    video.addEventListener("volumechange", this.#refresh);
    const { name, source } = this.params;
    this.#player = new Player({ base: location.origin, name, video, ...(source && { source }) });
    this.#player.addEventListener("change", this.#changed);
    if (this.params.autoplay) this.#player.play();
    else this.#player.pause();
    this.requestUpdate();
  }

  protected override render(): unknown {
    if (!this.params.name) return html`<main class="player">${nameForm()}</main>`;
    return html`<main
      class="player ${this.#idle ? "idle" : ""}"
      @pointermove=${this.#wake}
      @pointerdown=${this.#wake}
      @focusin=${this.#wake}
    >
      <video playsinline @click=${this.#clicked} @dblclick=${() => this.#toggleFullscreen()}></video>
      ${this.#player ? this.#over(this.#player) : nothing}
    </main>`;
  }

  #over(player: Player): unknown {
    const stats = player.stats();
    const live = player.state === "playing" || player.state === "buffering";
    const latency = live ? latencyText(stats.latencyMs) : "";
    return html`
      ${screen(player, this.#hasPlayed, () => this.#toggle())}
      <div class="top">
        ${live && this.#hasPlayed ? html`<span class="badge live">LIVE</span>` : nothing}
        ${latency ? html`<span class="badge glass" title="Behind the room">${latency}</span>` : nothing}
      </div>
      ${player.soundBlocked && live ? soundButton(() => player.unmute()) : nothing}
      ${this.#stats ? statsPanel(stats, this.params.name, this.#bits) : nothing}
      ${this.params.controls ? bar(this.#model(player)) : nothing}
    `;
  }

  #model(player: Player): BarModel {
    return {
      paused: player.state === "paused",
      muted: this.#video.muted,
      volume: this.#video.volume,
      fullscreen: document.fullscreenElement !== null,
      canFullscreen: document.fullscreenEnabled === true || "webkitEnterFullscreen" in this.#video,
      canPictureInPicture: document.pictureInPictureEnabled === true,
      statsShown: this.#stats,
      toggle: () => this.#toggle(),
      toggleMute: () => this.#toggleMute(),
      setVolume: (volume) => this.#setVolume(volume),
      toggleFullscreen: () => this.#toggleFullscreen(),
      pictureInPicture: () => this.#pictureInPicture(),
      toggleStats: () => this.#toggleStats(),
    };
  }

  readonly #changed = (): void => {
    if (this.#player?.state === "playing") this.#hasPlayed = true;
    this.#wake();
  };

  readonly #refresh = (): void => {
    if (this.#player) this.#bits = this.#throughput.add(performance.now(), this.#player.stats().bytes);
    this.requestUpdate();
  };

  readonly #wake = (): void => {
    clearTimeout(this.#idleTimer);
    this.#idle = false;
    this.#idleTimer = window.setTimeout(() => {
      this.#idle = this.#player?.state === "playing" && !this.querySelector(".bar :focus-visible");
      this.requestUpdate();
    }, idleAfter);
    this.requestUpdate();
  };

  // A tap on a phone shows the controls; a click of a mouse pauses nothing: live goes on.
  readonly #clicked = (): void => {
    if (this.#player?.soundBlocked) this.#player.unmute();
  };

  #toggle(): void {
    if (this.#player?.state === "paused") this.#player.play();
    else this.#player?.pause();
  }

  #toggleMute(): void {
    if (this.#video.muted) this.#player?.unmute();
    else this.#video.muted = true;
    if (!this.#video.muted && this.#video.volume === 0) this.#setVolume(0.5);
  }

  #setVolume(volume: number): void {
    this.#video.volume = volume;
    if (volume > 0) this.#player?.unmute();
    try {
      localStorage.setItem(volumeKey, String(volume));
    } catch {
      // Without storage the volume is not remembered.
    }
  }

  #toggleFullscreen(): void {
    const video = this.#video as HTMLVideoElement & { webkitEnterFullscreen?: () => void };
    if (document.fullscreenElement) void document.exitFullscreen();
    else if (document.fullscreenEnabled) void document.documentElement.requestFullscreen().catch(() => {});
    else video.webkitEnterFullscreen?.(); // iPhone: the video alone
  }

  #pictureInPicture(): void {
    if (document.pictureInPictureElement) void document.exitPictureInPicture();
    else void this.#video.requestPictureInPicture().catch(() => {});
  }

  #toggleStats(): void {
    this.#stats = !this.#stats;
    this.requestUpdate();
  }

  readonly #key = (event: KeyboardEvent): void => {
    if (!this.#player || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof HTMLInputElement && event.key !== "i") return;
    const act = { k: () => this.#toggle(), m: () => this.#toggleMute(), f: () => this.#toggleFullscreen(), i: () => this.#toggleStats(), p: () => this.#pictureInPicture() }[
      event.key.toLowerCase()
    ];
    if (!act) return;
    act();
    this.#wake();
  };
}

function rememberedVolume(): number {
  try {
    const volume = Number(localStorage.getItem(volumeKey) ?? 1);
    return volume >= 0 && volume <= 1 ? volume : 1;
  } catch {
    return 1;
  }
}

customElements.define("meetcast-player", PlayerPage);
