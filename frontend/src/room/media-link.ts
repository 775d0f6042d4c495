import { isVideoCodec, type VideoCodec } from "../media/codecs";
import { AudioOut } from "../media/audio-out";
import type { LocalMedia } from "../media/local";
import { Peer, type PeerState } from "../media/peer";
import type { Way } from "../media/reach";
import { SlotMap, type SlotPicture } from "../media/slots";
import { StatsMeter, type StatsSummary } from "../media/stats";
import { type SignalClient, RequestError } from "../protocol/client";
import { onNetworkChange } from "../protocol/network";
import { Emitter } from "../protocol/emitter";
import type { Candidate, Joined, Layers, Slot, Source, VideoSource, Want } from "../protocol/messages";
import { ReachWatch } from "./reach-watch";
import { Viewport } from "./viewport";

interface MediaLinkEvents {
  change: void;
  error: Error;
}

const NEGOTIATION_FAILED =
  "Sound or picture could not be set up. Try it once more, or load the page again if something stays missing.";
const SOURCES: Source[] = ["microphone", "camera", "screen", "screen-audio"];

/**
 * Ties signaling, local media and the peer connection together: whatever is
 * captured is published, whatever is shown is asked for, and a new membership
 * gets a new peer while a resumed one keeps the old.
 */
export class MediaLink extends Emitter<MediaLinkEvents> {
  #peer: Peer | undefined;
  #watch: ReachWatch | undefined;
  #slots = new SlotMap();
  #stats = new StatsMeter();
  /** What the server was told about each source; it counts an untold one as on. */
  readonly #told = new Map<Source, boolean>();
  readonly #viewport: Viewport;
  readonly #audio: AudioOut;
  readonly #offLocal: (() => void)[];

  constructor(
    private readonly client: SignalClient,
    private readonly local: LocalMedia,
    audioParent: HTMLElement,
    private readonly codec?: VideoCodec,
    private readonly relayOnly = false,
  ) {
    super();
    this.#audio = new AudioOut(audioParent);
    this.#audio.on("blocked", () => this.emit("change", undefined));
    this.#viewport = new Viewport((want) => {
      this.#peer?.ensureVideoSlots(want.length);
      return client.send({ type: "view", want });
    });
    this.#offLocal = [
      onNetworkChange(() => this.#networkChanged()),
      local.on("track", ({ source, track }) => void this.#publish(source, track)),
      local.on("change", () => this.#tellMuted()),
    ];
  }

  get state(): PeerState {
    return this.#peer?.state ?? "new";
  }

  /** Why there is no media although there should be: what was tried; undefined while all is well. */
  get blocked(): Way[] | undefined {
    return this.#watch?.ways;
  }

  /** Tries all ways to the server anew. */
  retry(): void {
    this.#peer?.restartIce();
  }

  get audioBlocked(): boolean {
    return this.#audio.blocked;
  }

  unblockAudio(): Promise<void> {
    return this.#audio.unblock();
  }

  chooseSpeaker(id: string): Promise<void> {
    return this.#audio.choose(id);
  }

  picture(participant: string, source: VideoSource): SlotPicture | undefined {
    return this.#slots.picture(participant, source);
  }

  /** Asks for the pictures that are on the screen, most important first. */
  want(wants: Want[]): void {
    this.#viewport.set(wants);
  }

  /** Media may have lost its way: look for another at once, or as soon as the server can be told. */
  #networkChanged(): void {
    if (this.client.state === "joined") void this.#peer?.doubt();
  }

  /** After each join. */
  joined(joined: Joined): void {
    this.#told.clear();
    if (joined.resumed && this.#peer) {
      this.#peer.setServers(joined.iceServers);
      this.#tellMuted();
      this.#viewport.repeat();
      // What broke the socket may have broken the way of media.
      if (this.#peer.state !== "connected") this.#peer.restartIce();
      else void this.#peer.doubt();
      this.#peer.negotiate();
      return;
    }
    this.#open(joined);
    this.#viewport.repeat();
  }

  /** Sends only what the server says somebody watches. */
  setLayers({ source, active }: Layers): void {
    void this.#peer?.setLayers(source, active);
  }

  setSlots(slots: Slot[]): void {
    this.#slots.setMap(slots);
    this.emit("change", undefined);
  }

  async stats(): Promise<StatsSummary | undefined> {
    const report = await this.#peer?.stats();
    return report && this.#stats.summarise(report as unknown as Iterable<[string, unknown]>, performance.now());
  }

  close(): void {
    for (const off of this.#offLocal) off();
    this.#viewport.close();
    this.#watch?.close();
    this.#peer?.close();
    this.#audio.close();
  }

  #open({ iceServers, audioSlots, maxVideoSlots, videoCodec }: Joined): void {
    const codec = this.codec ?? (isVideoCodec(videoCodec) ? videoCodec : undefined);
    this.#watch?.close();
    this.#peer?.close();
    this.#audio.close();
    this.#slots = new SlotMap();
    this.#stats = new StatsMeter();
    const peer = new Peer({ iceServers, audioSlots, maxVideoSlots, ...(codec ? { codec } : {}), signaling: this.#signaling(), relayOnly: this.relayOnly });
    this.#peer = peer;
    peer.on("slot", ({ mid, track }) => this.#onSlot(mid, track));
    const watch = new ReachWatch(peer, () => this.emit("change", undefined));
    this.#watch = watch;
    peer.on("state", (state) => {
      watch.update();
      // What keeps media out keeps signaling out, which would notice much later.
      if (state === "disconnected" || state === "failed") this.client.hurry();
      this.emit("change", undefined);
    });
    peer.on("error", (err) => {
      // A broken connection negotiates again when it is back.
      if (err instanceof RequestError && err.code === "disconnected") return;
      console.error("negotiation failed", err, err.cause);
      this.emit("error", err instanceof RequestError ? err : new Error(NEGOTIATION_FAILED));
    });
    for (const source of SOURCES) {
      const track = this.local.track(source);
      if (track) void this.#publish(source, track);
    }
    this.#tellMuted();
  }

  #signaling() {
    return {
      negotiate: async (sdp: string, tracks: { mid: string; source: Source }[]) => {
        const answer = await this.client.request({ type: "offer", sdp, tracks });
        if (answer.type !== "answer") throw new Error("The server answered an offer with something else.");
        return answer.sdp;
      },
      sendCandidate: (candidate: RTCIceCandidate | null) => void this.client.send(wireCandidate(candidate)),
    };
  }

  #onSlot(mid: string, track: MediaStreamTrack): void {
    this.#slots.setTrack(mid, track);
    for (const { mid, stream } of this.#slots.audio()) this.#audio.set(mid, stream);
    this.emit("change", undefined);
  }

  async #publish(source: Source, track: MediaStreamTrack | null): Promise<void> {
    try {
      await this.#peer?.publish(source, track);
    } catch (err) {
      this.emit("error", err as Error);
    }
  }

  #tellMuted(): void {
    for (const source of SOURCES) {
      const state = this.local.state(source);
      if (state === "starting") continue;
      const muted = state !== "on";
      // A source that was never on has no m-line, so there is nothing to mute.
      if (muted && !this.#told.has(source) && state === "off") continue;
      if (this.#told.get(source) === muted) continue;
      if (this.client.send({ type: "mute", source, muted })) this.#told.set(source, muted);
    }
  }
}

function wireCandidate(c: RTCIceCandidate | null): Omit<Candidate, "id"> {
  if (!c) return { type: "candidate", candidate: "" };
  return {
    type: "candidate",
    candidate: c.candidate,
    ...(c.sdpMid !== null ? { sdpMid: c.sdpMid } : {}),
    ...(c.sdpMLineIndex !== null ? { sdpMLineIndex: c.sdpMLineIndex } : {}),
    ...(c.usernameFragment ? { usernameFragment: c.usernameFragment } : {}),
  };
}
