import { Backoff } from "../protocol/backoff";
import { ClockOffset } from "./latency";
import { askPlayout } from "./playout";
import type { Source, SourceHost, SourceStats } from "./source";

/** A connection without a transport, or without a new picture, for this long has failed, ms. */
const patience = 5000;
/** Looked at this often, ms. */
const lookEvery = 500;
/** The server's clock and the programme's state are asked: a few times quickly, then to keep them, ms. */
const firstAsks = 700;
const laterAsks = 10_000;
/** After this many failures without a calm minute the way is given up. */
const tooManyFailures = 3;
const calm = 60_000; // ms
/** NTP time (RFC 5905) counts from 1900, ours from 1970, ms. */
const ntpEpoch = 2_208_988_800_000;

/** canPlayWHEP tells whether this browser receives H.264 and Opus over WebRTC. */
export function canPlayWHEP(): boolean {
  if (typeof RTCPeerConnection === "undefined" || typeof RTCRtpReceiver === "undefined") return false;
  const codecs = RTCRtpReceiver.getCapabilities?.("video")?.codecs;
  return codecs?.some(({ mimeType }) => mimeType.toLowerCase() === "video/h264") ?? false;
}

/** Where a WHEPSource finds its programme. */
export interface WHEPTarget {
  /** The server's URL without a slash at the end. */
  base: string;
  /** Name of the stream. */
  name: string;
  /** Address of the WHEP endpoint. */
  url: string;
}

/**
 * WHEPSource plays a programme over WebRTC (draft-ietf-wish-whep), some hundred
 * milliseconds behind the room. Where UDP does not come through, or the path is too
 * narrow, it says so at once: other ways buffer, this one does not.
 */
export class WHEPSource implements Source {
  readonly kind = "whep";

  readonly #target: WHEPTarget;
  readonly #video: HTMLVideoElement;
  readonly #host: SourceHost;
  readonly #offset = new ClockOffset();
  readonly #backoff = new Backoff(200, 2000);

  #running = false;
  #pc: RTCPeerConnection | undefined;
  /** Address of the session on the server, for DELETE. */
  #session: string | undefined;
  #posting: AbortController | undefined;
  #asking: AbortController | undefined;
  #asks = 0;
  #lookTimer = 0;
  #askTimer = 0;
  #retryTimer = 0;
  #failures: number[] = [];
  #connects = 0;
  /** Bytes of connections that are gone, and of this one. */
  #gone = 0;
  #bytes = 0;
  #frames = -1;
  #moved = 0;
  /** When the picture now shown was made, by the server's clock, Unix ms; from when we know. */
  #shown: { made: number; at: number } | undefined;

  constructor(target: WHEPTarget, video: HTMLVideoElement, host: SourceHost) {
    this.#target = target;
    this.#video = video;
    this.#host = host;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#lookTimer = window.setInterval(() => void this.#look(), lookEvery);
    void this.#connect();
    void this.#ask();
  }

  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    clearInterval(this.#lookTimer);
    clearTimeout(this.#askTimer);
    clearTimeout(this.#retryTimer);
    this.#asking?.abort();
    this.#hangUp();
    this.#video.srcObject = null;
  }

  // Between two looks time goes on at the same pace for both clocks.
  latency(): number | undefined {
    const offset = this.#offset.value;
    if (!this.#shown || offset === undefined) return undefined;
    return this.#shown.at + offset - this.#shown.made;
  }

  stats(): SourceStats {
    return { bytes: this.#gone + this.#bytes, connects: this.#connects };
  }

  // Connection ---------------------------------------------------------

  async #connect(): Promise<void> {
    const pc = new RTCPeerConnection();
    this.#pc = pc;
    this.#moved = performance.now();
    this.#frames = -1;
    const stream = new MediaStream();
    pc.ontrack = ({ track }) => stream.addTrack(track);
    pc.onconnectionstatechange = () => this.#changed(pc, stream);
    const posting = new AbortController();
    this.#posting = posting;
    try {
      pc.addTransceiver("audio", { direction: "recvonly" });
      pc.addTransceiver("video", { direction: "recvonly" });
      const offer = await pc.createOffer();
      await pc.setLocalDescription({ type: "offer", sdp: stereo(offer.sdp ?? "") });
      // The server finds us by our checks: no candidate has to be sent to it.
      const response = await fetch(this.#target.url, {
        method: "POST",
        headers: { "Content-Type": "application/sdp" },
        body: pc.localDescription!.sdp,
        signal: posting.signal,
        credentials: "omit",
      });
      const location = response.headers.get("Location");
      if (response.status !== 201 || !location) {
        this.#lost(pc, `the server answered with status ${response.status}`);
        return;
      }
      this.#session = new URL(location, this.#target.url).href;
      await pc.setRemoteDescription({ type: "answer", sdp: await response.text() });
    } catch (error) {
      this.#lost(pc, error instanceof Error ? error.message : "the connection could not be made");
    }
  }

  #changed(pc: RTCPeerConnection, stream: MediaStream): void {
    if (this.#pc !== pc) return;
    switch (pc.connectionState) {
      case "connected":
        if (this.#video.srcObject === stream) return; // it was away for a moment
        this.#connects++;
        this.#moved = performance.now();
        this.#video.removeAttribute("src");
        this.#video.srcObject = stream;
        this.#host.sourceLive({});
        this.#host.sourceAttached();
        break;
      case "failed":
      case "closed":
        this.#lost(pc, "the connection was lost");
    }
  }

  // hangUp ends the session on the server, too.
  #hangUp(): void {
    const url = this.#session;
    this.#posting?.abort();
    this.#posting = undefined;
    this.#session = undefined;
    const pc = this.#pc;
    this.#pc = undefined;
    this.#shown = undefined;
    this.#gone += this.#bytes;
    this.#bytes = 0;
    if (pc) {
      pc.ontrack = pc.onconnectionstatechange = null;
      pc.close();
    }
    if (url) void fetch(url, { method: "DELETE", keepalive: true, credentials: "omit" }).catch(() => {});
  }

  // lost tries again, unless it was lost too often.
  #lost(pc: RTCPeerConnection, reason: string): void {
    if (this.#pc !== pc) return;
    this.#hangUp();
    if (!this.#running) return;
    const now = performance.now();
    this.#failures = [...this.#failures.filter((at) => now - at < calm), now];
    if (this.#failures.length >= tooManyFailures) {
      this.#host.sourceFailed(reason);
      return;
    }
    this.#host.sourceLost(reason);
    // It may be over: then the player finds out what there is now.
    void this.#ask();
    this.#retryTimer = window.setTimeout(() => void this.#connect(), this.#backoff.next());
  }

  // Media --------------------------------------------------------------

  // look reads what arrives. Pictures that do not come end the connection.
  async #look(): Promise<void> {
    const pc = this.#pc;
    if (!pc) return;
    const report = await pc.getStats().catch(() => undefined);
    if (this.#pc !== pc || !report) return;
    let bytes = 0;
    report.forEach((entry: Record<string, unknown>) => {
      if (entry["type"] !== "inbound-rtp") return;
      bytes += number(entry["bytesReceived"]) ?? 0;
      if (entry["kind"] === "video") this.#pictures(entry);
    });
    this.#bytes = bytes;
    const connected = pc.connectionState === "connected";
    // Who looked away, or has a slow machine, is not without a connection.
    if (document.hidden) this.#moved = performance.now();
    else if (performance.now() - this.#moved > patience) {
      this.#lost(pc, connected ? "no picture comes" : "the server cannot be reached over WebRTC");
    }
  }

  #pictures(entry: Record<string, unknown>): void {
    const frames = number(entry["framesDecoded"]) ?? 0;
    if (frames !== this.#frames) {
      this.#frames = frames;
      this.#moved = performance.now();
    }
    const made = number(entry["estimatedPlayoutTimestamp"]);
    const at = number(entry["timestamp"]);
    if (made !== undefined && at !== undefined && frames > 0) this.#shown = { made: made - ntpEpoch, at };
  }

  // Programme ----------------------------------------------------------

  // ask learns the server's clock, and whether the programme is still on air.
  async #ask(): Promise<void> {
    clearTimeout(this.#askTimer);
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    const sent = Date.now();
    try {
      const playout = await askPlayout(this.#target.base, this.#target.name, asking.signal);
      if (!this.#running || asking.signal.aborted) return;
      if (playout?.at !== undefined) this.#offset.add(sent, playout.at, Date.now());
      if (!playout?.whep) {
        this.#host.sourceGone();
        return;
      }
    } catch {
      // The media may come all the same.
    }
    if (!this.#running || asking.signal.aborted) return;
    this.#askTimer = window.setTimeout(() => void this.#ask(), ++this.#asks < 4 ? firstAsks : laterAsks);
  }
}

/** stereo asks for both channels of Opus (RFC 7587 §6.1): browsers play one unless told. */
export function stereo(sdp: string): string {
  const type = /^a=rtpmap:(\d+) opus\/48000\/2/im.exec(sdp)?.[1];
  return type ? sdp.replace(`a=fmtp:${type} `, `a=fmtp:${type} stereo=1;`) : sdp;
}

function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
