import { Backoff } from "../protocol/backoff";
import { HLSSource, playsNatively } from "./hls-source";
import { canPlayFragments, mediaSourceClass } from "./mse";
import { askPlayout, codecsOf, socketURL, type Playout } from "./playout";
import type { MediaInfo, Source, SourceHost } from "./source";
import { WebSocketSource } from "./websocket-source";
import { canPlayWHEP, WHEPSource } from "./whep-source";

/**
 * The states of a player:
 * - connecting: asking for the stream
 * - waiting: it is not live (or not known); the player goes on asking
 * - buffering: media comes, no picture moves yet
 * - playing: on air
 * - reconnecting: the connection is lost; the player tries again
 * - paused: by the viewer
 * - failed: this browser cannot play it
 */
export type PlayerState = "connecting" | "waiting" | "buffering" | "playing" | "reconnecting" | "paused" | "failed";

/** How the media comes. */
export type SourceKind = "whep" | "ws" | "hls";

export interface PlayerOptions {
  /** The server's URL without a slash at the end. */
  base: string;
  /** Name of the stream. */
  name: string;
  video: HTMLVideoElement;
  /** Take this way of playing, whatever the browser can. */
  source?: SourceKind;
}

/** Figures for the viewer who wants to know. */
export interface PlayerStats {
  state: PlayerState;
  source: SourceKind | undefined;
  /** Behind the room, ms; undefined when it cannot be told. */
  latencyMs: number | undefined;
  /** Ahead of the position, ms. */
  bufferMs: number;
  /** Buffer that is aimed at, ms. */
  targetMs: number | undefined;
  rate: number;
  droppedFrames: number;
  totalFrames: number;
  bytes: number;
  connects: number;
  width: number;
  height: number;
  fps: number | undefined;
  codecs: string | undefined;
}

/** While a stream is not live it is asked for this often, ms. */
const askEvery = 1500;

/**
 * Player plays one stream by name as near to live as this browser can, and
 * goes on by itself whatever happens to the network or the broadcast. It has no
 * interface of its own: it dispatches "change" when its state changes.
 */
export class Player extends EventTarget implements SourceHost {
  readonly #options: PlayerOptions;
  readonly #video: HTMLVideoElement;
  readonly #backoff = new Backoff(500, 5000);
  #source: Source | undefined;
  #state: PlayerState = "connecting";
  #reason = "";
  #known = true;
  #info: MediaInfo = {};
  /** Ways that turned out not to work here. */
  #barred = new Set<SourceKind>();
  #asking: AbortController | undefined;
  #askTimer = 0;
  #blocked = false;

  constructor(options: PlayerOptions) {
    super();
    this.#options = options;
    this.#video = options.video;
    this.#video.addEventListener("playing", this.#moving);
    this.#video.addEventListener("waiting", this.#starved);
    this.#video.addEventListener("pause", this.#halted);
  }

  get state(): PlayerState {
    return this.#state;
  }

  /** Why, in the words of a sentence, when reconnecting or failed. */
  get reason(): string {
    return this.#reason;
  }

  /** False when the server does not know the stream. */
  get known(): boolean {
    return this.#known;
  }

  /** True while the browser plays without sound because it wants a click first. */
  get soundBlocked(): boolean {
    return this.#blocked;
  }

  /** play connects; it shows the picture as soon as there is one. */
  play(): void {
    if (this.#asking || this.#source || this.#askTimer) return;
    this.#set("connecting");
    void this.#ask();
  }

  /** pause lets go of the network: a live stream is not kept. */
  pause(): void {
    this.#disconnect();
    this.#video.pause();
    this.#set("paused");
  }

  /** unmute turns the sound on; call it from a click. */
  unmute(): void {
    this.#blocked = false;
    this.#video.muted = false;
    this.#changed();
  }

  /** close stops for good. Idempotent. */
  close(): void {
    this.#disconnect();
    this.#video.removeEventListener("playing", this.#moving);
    this.#video.removeEventListener("waiting", this.#starved);
    this.#video.removeEventListener("pause", this.#halted);
  }

  stats(): PlayerStats {
    const video = this.#video;
    const quality = video.getVideoPlaybackQuality?.();
    const source = this.#source?.stats();
    const end = video.buffered.length ? video.buffered.end(video.buffered.length - 1) : video.currentTime;
    const latency = this.#source?.latency();
    return {
      state: this.#state,
      source: this.#source?.kind,
      latencyMs: latency === undefined ? undefined : Math.round(latency),
      bufferMs: Math.max(0, Math.round((end - video.currentTime) * 1000)),
      targetMs: source?.target === undefined ? undefined : Math.round(source.target * 1000),
      rate: video.playbackRate,
      droppedFrames: quality?.droppedVideoFrames ?? 0,
      totalFrames: quality?.totalVideoFrames ?? 0,
      bytes: source?.bytes ?? 0,
      connects: source?.connects ?? 0,
      width: video.videoWidth,
      height: video.videoHeight,
      fps: this.#info.fps,
      codecs: this.#info.codecs,
    };
  }

  // What the source tells ------------------------------------------------

  sourceLive(info: MediaInfo): void {
    this.#info = { ...this.#info, ...info };
    // Who waited on the socket for the broadcast may see it sooner another way.
    if (this.#state === "waiting" && this.#mayWHEP() && this.#source?.kind === "ws") {
      this.sourceGone();
      return;
    }
    this.#set("buffering");
  }

  sourceOffline(): void {
    this.#set("waiting");
  }

  sourceLost(reason: string): void {
    this.#set(this.#state === "waiting" ? "waiting" : "reconnecting", reason);
  }

  sourceGone(): void {
    this.#disconnect();
    this.#set("buffering");
    void this.#ask();
  }

  sourceFailed(reason: string): void {
    if (this.#source) this.#barred.add(this.#source.kind);
    this.#disconnect();
    this.#set("reconnecting", reason);
    this.#askAgain(this.#barred.size > 1 || this.#options.source ? askEvery : 0);
  }

  sourceAttached(): void {
    void this.#begin();
  }

  // begin plays with sound, or without where the browser wants a click first.
  async #begin(): Promise<void> {
    try {
      await this.#video.play();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError" || this.#video.muted) return;
      this.#blocked = true;
      this.#video.muted = true;
      this.#changed();
      await this.#video.play().catch(() => {});
    }
  }

  readonly #moving = (): void => {
    if (this.#source) this.#set("playing");
  };

  readonly #starved = (): void => {
    if (this.#state === "playing") this.#set("buffering");
  };

  // halted: a media key, the picture-in-picture window or the system paused it.
  readonly #halted = (): void => {
    if (this.#source && this.#video.paused && (this.#state === "playing" || this.#state === "buffering")) this.pause();
  };

  // Which stream, and how --------------------------------------------------

  async #ask(): Promise<void> {
    clearTimeout(this.#askTimer);
    this.#askTimer = 0;
    const asking = new AbortController();
    this.#asking = asking;
    try {
      const playout = await askPlayout(this.#options.base, this.#options.name, asking.signal);
      if (asking.signal.aborted) return;
      this.#asking = undefined;
      this.#backoff.reset();
      this.#answered(playout);
    } catch (error) {
      if (asking.signal.aborted) return;
      this.#asking = undefined;
      this.#barred.clear(); // the server is away: that a way failed says nothing about it
      this.#set("reconnecting", error instanceof Error ? error.message : "the server cannot be reached");
      this.#askAgain(this.#backoff.next());
    }
  }

  #answered(playout: Playout | undefined): void {
    this.#known = playout !== undefined;
    if (playout) this.#info = { ...playout.video, codecs: codecsOf(playout) };
    const kind = playout && this.#choose(playout);
    const live = playout?.state === "live";
    // That it can be watched by WHEP is told while it is live only.
    const later = this.#options.source === "whep" && canPlayWHEP() && !playout?.whep;
    if (playout && !kind && !later) {
      this.#set("failed", "This browser can play neither WebRTC nor fragmented MP4 nor HLS.");
      return;
    }
    if (!live || later) this.#set("waiting");
    // A WebSocket waits for the broadcast by itself; a playlist is not there yet.
    if (!playout || later || (!live && kind === "hls")) {
      this.#askAgain(askEvery);
      return;
    }
    this.#source = this.#make(kind!, playout);
    this.#source.start();
  }

  #askAgain(pause: number): void {
    this.#askTimer = window.setTimeout(() => void this.#ask(), pause);
  }

  #choose(playout: Playout): SourceKind | undefined {
    const can: Record<SourceKind, boolean> = {
      whep: playout.whep !== undefined && canPlayWHEP(),
      ws: playout.ws !== undefined && canPlayFragments(codecsOf(playout)),
      hls: playout.hls !== undefined && (mediaSourceClass() !== undefined || playsNatively(this.#video)),
    };
    const kinds: SourceKind[] = this.#options.source ? [this.#options.source] : ["whep", "ws", "hls"];
    const able = kinds.filter((kind) => can[kind]);
    // When all have failed they are tried again, from the best.
    if (able.every((kind) => this.#barred.has(kind))) this.#barred.clear();
    return able.find((kind) => !this.#barred.has(kind));
  }

  #mayWHEP(): boolean {
    return !this.#options.source && !this.#barred.has("whep") && canPlayWHEP();
  }

  #make(kind: SourceKind, playout: Playout): Source {
    const { base, name } = this.#options;
    if (kind === "whep") return new WHEPSource({ base, name, url: new URL(playout.whep ?? "", base).href }, this.#video, this);
    if (kind === "ws") return new WebSocketSource(socketURL(base, playout.ws ?? ""), this.#video, this);
    return new HLSSource(new URL(playout.hls ?? "", base).href, this.#video, this);
  }

  #disconnect(): void {
    clearTimeout(this.#askTimer);
    this.#askTimer = 0;
    this.#asking?.abort();
    this.#asking = undefined;
    this.#source?.stop();
    this.#source = undefined;
  }

  #set(state: PlayerState, reason = ""): void {
    if (this.#state === state && this.#reason === reason) return;
    this.#state = state;
    this.#reason = reason;
    this.#changed();
  }

  #changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}
