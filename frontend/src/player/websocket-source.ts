import { Backoff } from "../protocol/backoff";
import { ClockOffset, MediaClock, Steering } from "./latency";
import { MediaFeed } from "./media-feed";
import { canPlayFragments, rangesOf } from "./mse";
import { parseMessage, subprotocol, type ServerMessage } from "./playout-messages";
import type { MediaInfo, Source, SourceHost, SourceStats } from "./source";

/** The position is steered this often, ms. */
const steerEvery = 150;
/** Pings: a few quickly to learn the clock, then to keep it, ms. */
const firstPings = 500;
const laterPings = 5000;
/** A socket that is silent this long is dead: clock or pong come more often, ms. */
const silence = 7000;
/** A connection that has not opened by then is given up, ms. */
const patience = 8000;
/** After this many media failures without a calm minute the transport is given up. */
const tooManyFailures = 4;
const calm = 60_000; // ms
/** After this many sockets in a row that never opened, likewise: a proxy may block them. */
const tooManyRefusals = 3;
/** A seek to this little before the wanted position still hits the buffer, s. */
const nudge = 0.01;

/**
 * WebSocketSource plays fMP4 from the playout WebSocket: fragments are appended
 * as they come, and the position is kept close behind the newest of them. It
 * survives lost sockets, restarts of the broadcast, stalls and media errors.
 */
export class WebSocketSource implements Source {
  readonly kind = "ws";

  readonly #url: string;
  readonly #video: HTMLVideoElement;
  readonly #host: SourceHost;
  readonly #offset = new ClockOffset();
  readonly #clock = new MediaClock();
  readonly #steering = new Steering();
  readonly #backoff = new Backoff();

  #socket: WebSocket | undefined;
  #feed: MediaFeed | undefined;
  /** The programme that its init segment will follow. */
  #awaited: MediaInfo | undefined;
  #running = false;
  #opened = false;
  #refusals = 0;
  #failures: number[] = [];
  #heard = 0;
  #pings = 0;
  #lastPosition = -1;
  #bytes = 0;
  #connects = 0;
  #steerTimer = 0;
  #pingTimer = 0;
  #retryTimer = 0;

  constructor(url: string, video: HTMLVideoElement, host: SourceHost) {
    this.#url = url;
    this.#video = video;
    this.#host = host;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#steerTimer = window.setInterval(this.#tick, steerEvery);
    this.#connect();
  }

  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    clearInterval(this.#steerTimer);
    clearTimeout(this.#retryTimer);
    this.#hangUp();
    this.#endFeed();
    this.#video.playbackRate = 1; // the last picture stays: better than a black one
  }

  latency(): number | undefined {
    const captured = this.#clock.capturedAt(this.#video.currentTime);
    const offset = this.#offset.value;
    if (captured === undefined || offset === undefined || !this.#feed) return undefined;
    return Date.now() + offset - captured;
  }

  stats(): SourceStats {
    return { bytes: this.#bytes, connects: this.#connects, target: this.#steering.target };
  }

  // Connection ---------------------------------------------------------

  #connect(): void {
    const socket = new WebSocket(this.#url, subprotocol);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#opened = false;
    this.#heard = performance.now();
    socket.onopen = () => this.#connected();
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => this.#received(data);
    socket.onclose = () => this.#lost("the connection was lost");
  }

  #connected(): void {
    this.#opened = true;
    this.#refusals = 0;
    this.#connects++;
    this.#pings = 0;
    this.#ping();
  }

  // hangUp closes the socket without hearing of it.
  #hangUp(): void {
    clearTimeout(this.#pingTimer);
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #lost(reason: string): void {
    const never = !this.#opened;
    this.#hangUp();
    if (!this.#running) return;
    if (never && ++this.#refusals >= tooManyRefusals) {
      this.#host.sourceFailed("the server cannot be reached by WebSocket");
      return;
    }
    this.#host.sourceLost(reason);
    this.#retryTimer = window.setTimeout(() => this.#connect(), this.#backoff.next());
  }

  #ping(): void {
    this.#socket?.send(JSON.stringify({ type: "ping", t: Date.now() }));
    this.#pingTimer = window.setTimeout(() => this.#ping(), ++this.#pings < 4 ? firstPings : laterPings);
  }

  #received(data: string | ArrayBuffer): void {
    this.#heard = performance.now();
    if (typeof data === "string") {
      const message = parseMessage(data);
      if (message) this.#told(message);
    } else this.#media(data);
  }

  #told(message: ServerMessage): void {
    switch (message.type) {
      case "init":
        this.#awaited = message;
        break;
      case "clock":
        this.#clock.mark(message.media, message.at);
        break;
      case "pong":
        this.#offset.add(message.t, message.at, Date.now());
        break;
      case "offline":
        this.#awaited = undefined;
        this.#endFeed();
        this.#host.sourceOffline();
        break;
    }
  }

  // Media --------------------------------------------------------------

  #media(data: ArrayBuffer): void {
    this.#bytes += data.byteLength;
    if (this.#awaited) this.#begin(this.#awaited, data);
    else this.#feed?.append(data);
  }

  // begin starts a programme: its timestamps begin anew, hence a new feed.
  #begin(info: MediaInfo, init: ArrayBuffer): void {
    this.#awaited = undefined;
    this.#endFeed();
    this.#backoff.reset();
    if (!canPlayFragments(info.codecs)) {
      this.#host.sourceFailed(`this browser does not play ${info.codecs}`);
      return;
    }
    this.#steering.restart();
    this.#lastPosition = -1;
    this.#feed = new MediaFeed(this.#video, info.codecs ?? "", { feedFailed: (reason) => this.#mediaFailed(reason) });
    this.#feed.append(init);
    this.#host.sourceLive(info);
    this.#host.sourceAttached();
  }

  #endFeed(): void {
    this.#feed?.close();
    this.#feed = undefined;
    this.#clock.reset();
  }

  // mediaFailed fetches the programme anew; a media pipeline that fails again
  // and again will not heal.
  #mediaFailed(reason: string): void {
    const now = performance.now();
    this.#failures = [...this.#failures.filter((at) => now - at < calm), now];
    this.#endFeed();
    if (this.#failures.length >= tooManyFailures) this.#host.sourceFailed(reason);
    else this.#lost(reason);
  }

  // Position -----------------------------------------------------------

  readonly #tick = (): void => {
    const now = performance.now();
    const limit = this.#opened ? silence : patience;
    if (this.#socket && now - this.#heard > limit) this.#lost("the server fell silent");
    else if (this.#feed && !this.#video.paused) this.#steer(now);
  };

  #steer(now: number): void {
    const video = this.#video;
    const position = video.currentTime;
    const moving = position !== this.#lastPosition && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    this.#lastPosition = position;
    const { rate, seek } = this.#steering.step({ now, position, ranges: rangesOf(video.buffered), moving });
    if (seek !== undefined) video.currentTime = seek + nudge;
    if (video.playbackRate !== rate) video.playbackRate = rate;
  }
}
