import type Hls from "hls.js";
import type { ErrorData, LoadPolicy, RetryConfig } from "hls.js";
import { Backoff } from "../protocol/backoff";
import type { Source, SourceHost, SourceStats } from "./source";

/** Latency that hls.js aims at when the playlist names none, s. */
const liveSync = 1.5;
/** Media kept behind the position, s. */
const keepBehind = 10;
/** A playlist is tried again unless it is not there: that may mean the end. Times in ms. */
const playlistRetry: RetryConfig = {
  maxNumRetry: 8,
  retryDelayMs: 300,
  maxRetryDelayMs: 2000,
  backoff: "exponential",
  shouldRetry: (_config, _count, _timeout, response, retry) => retry && response?.code !== 404 && response?.code !== 410,
};
const playlistPolicy: LoadPolicy = {
  default: { maxTimeToFirstByteMs: 8000, maxLoadTimeMs: 12_000, timeoutRetry: playlistRetry, errorRetry: playlistRetry },
};

/** playsNatively tells whether the video element plays HLS by itself. */
export function playsNatively(video: HTMLVideoElement): boolean {
  return video.canPlayType("application/vnd.apple.mpegurl") !== "";
}

/**
 * HLSSource plays LL-HLS: with hls.js where there is a media source, else with
 * the browser's own player.
 */
export class HLSSource implements Source {
  readonly kind = "hls";

  readonly #url: string;
  readonly #video: HTMLVideoElement;
  readonly #host: SourceHost;
  readonly #backoff = new Backoff(500, 5000);

  #running = false;
  #hls: Hls | undefined;
  #retryTimer = 0;
  /** A media error was just recovered from. */
  #mended = false;
  #bytes = 0;
  #connects = 0;

  constructor(url: string, video: HTMLVideoElement, host: SourceHost) {
    this.#url = url;
    this.#video = video;
    this.#host = host;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#load();
  }

  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    this.#unload();
    this.#video.removeAttribute("src");
    this.#video.load();
  }

  // The playlist's program date times tell when a picture was captured.
  latency(): number | undefined {
    const shown = this.#hls ? this.#hls.playingDate?.getTime() : this.#nativeDate();
    return shown === undefined ? undefined : Date.now() - shown;
  }

  stats(): SourceStats {
    return { bytes: this.#bytes, connects: this.#connects, target: this.#hls?.targetLatency ?? undefined };
  }

  #nativeDate(): number | undefined {
    const start = (this.#video as { getStartDate?: () => Date }).getStartDate?.().getTime();
    return start === undefined || Number.isNaN(start) ? undefined : start + this.#video.currentTime * 1000;
  }

  async #load(): Promise<void> {
    let HlsClass: typeof Hls;
    try {
      HlsClass = (await import("hls.js")).default;
    } catch {
      if (this.#running) this.#retry("the player could not be loaded");
      return;
    }
    if (!this.#running) return;
    this.#connects++;
    if (HlsClass.isSupported()) this.#attach(HlsClass);
    else if (playsNatively(this.#video)) this.#playNatively();
    else this.#host.sourceFailed("this browser does not play HLS");
  }

  #attach(HlsClass: typeof Hls): void {
    const hls = new HlsClass({
      lowLatencyMode: true,
      liveSyncDuration: liveSync,
      liveMaxLatencyDuration: liveSync * 4,
      maxLiveSyncPlaybackRate: 1.15,
      backBufferLength: keepBehind,
      maxBufferLength: 10,
      manifestLoadPolicy: playlistPolicy,
      playlistLoadPolicy: playlistPolicy,
    });
    this.#hls = hls;
    hls.on(HlsClass.Events.MANIFEST_PARSED, () => this.#began());
    hls.on(HlsClass.Events.FRAG_LOADED, (_, { payload }) => this.#loaded(payload.byteLength));
    hls.on(HlsClass.Events.ERROR, (_, error) => this.#failed(HlsClass, error));
    hls.loadSource(this.#url);
    hls.attachMedia(this.#video);
  }

  #playNatively(): void {
    this.#video.addEventListener("error", this.#nativeError);
    this.#video.src = this.#url;
    this.#began();
  }

  readonly #nativeError = (): void => this.#retry(this.#video.error?.message || "the stream could not be loaded");

  #began(): void {
    this.#host.sourceLive({});
    this.#host.sourceAttached();
  }

  #loaded(bytes: number): void {
    this.#bytes += bytes;
    this.#mended = false;
    this.#backoff.reset();
  }

  #failed(HlsClass: typeof Hls, error: ErrorData): void {
    if (!error.fatal) return;
    const status = error.response?.code;
    if (status === 404 || status === 410) this.#host.sourceGone();
    else if (error.type === HlsClass.ErrorTypes.MEDIA_ERROR && this.#hls && !this.#mended) {
      this.#mended = true;
      this.#hls.recoverMediaError();
    } else this.#retry(error.details);
  }

  // retry loads everything anew after a pause.
  #retry(reason: string): void {
    this.#unload();
    if (!this.#running) return;
    this.#host.sourceLost(reason);
    this.#retryTimer = window.setTimeout(() => void this.#load(), this.#backoff.next());
  }

  #unload(): void {
    clearTimeout(this.#retryTimer);
    this.#video.removeEventListener("error", this.#nativeError);
    this.#hls?.destroy();
    this.#hls = undefined;
  }
}
