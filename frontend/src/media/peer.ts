import { Emitter } from "../protocol/emitter";
import type { ICEServer, Source, TrackLine } from "../protocol/messages";
import { prefer, type VideoCodec } from "./codecs";
import { cameraEncodings, type Encoding, screenEncodings, svcEncodings } from "./encodings";
import { offerExtensions, offerSlotExtensions } from "./extensions";
import { direct, hasRelay } from "./ice-servers";
import { tuneOpus } from "./sdp";

/** How the peer talks to the server; the room ties it to the signaling client. */
export interface PeerSignaling {
  /** Sends an offer and resolves with the answer's SDP. */
  negotiate(sdp: string, tracks: TrackLine[]): Promise<string>;
  sendCandidate(candidate: RTCIceCandidate | null): void;
}

export type PeerState = "new" | "connecting" | "connected" | "disconnected" | "failed" | "closed";

export interface PeerEvents {
  state: PeerState;
  /** The track of a slot is there; it stays the same for the life of the peer. */
  slot: { mid: string; track: MediaStreamTrack };
  /** A negotiation failed for good; the page should tell its user. */
  error: Error;
}

export interface PeerOptions {
  iceServers: ICEServer[];
  audioSlots: number;
  maxVideoSlots: number;
  /** To send cameras and screens with, where the browser can; its own choice without. */
  codec?: VideoCodec;
  signaling: PeerSignaling;
  /** Nothing but relays: to test them. */
  relayOnly?: boolean;
}

/** Video slots grow in these steps, so that a room that fills up offers seldom. */
const SLOT_STEPS = [4, 9, 16, 25, 36, 49];
/**
 * The direct ways have this long before relays are tried as well. A relay costs
 * the server, and browsers open every relay they are told of.
 */
const DIRECT_TIME = 2500; // ms
/** "disconnected" often heals by itself; after this long it gets help. */
const DISCONNECTED_GRACE = 2000; // ms
/** A path that brings nothing for this long may be gone. */
const SILENCE = 600; // ms
/** Pause before the next ICE restart while the first did not help. */
const RESTART_EVERY = 5000; // ms

/**
 * The page's one RTCPeerConnection. The page always offers: what it publishes is
 * sendonly, its slots are recvonly m-lines. Slots are only ever added; a source
 * that is switched off keeps its m-line and sends nothing.
 */
export class Peer extends Emitter<PeerEvents> {
  readonly #pc: RTCPeerConnection;
  readonly #senders = new Map<Source, RTCRtpTransceiver>();
  /** What the server wants of each source, by rid; all of it where it said nothing. */
  readonly #wantedLayers = new Map<Source, string[]>();
  #applying = Promise.resolve();
  #videoSlots = 0;
  #wanted = false; // an offer is due
  #busy: Promise<void> | undefined;
  #restart: ReturnType<typeof setTimeout> | undefined;
  #directTime: ReturnType<typeof setTimeout> | undefined;
  #servers: ICEServer[];
  #relaying: boolean;
  #stale = false; // the browser does not have the present configuration
  #closed = false;

  constructor(private readonly options: PeerOptions) {
    super();
    this.#servers = options.iceServers;
    this.#relaying = options.relayOnly ?? false;
    this.#pc = new RTCPeerConnection(this.#configuration());
    this.#pc.ontrack = ({ transceiver, track }) => {
      if (transceiver.mid !== null) this.emit("slot", { mid: transceiver.mid, track });
    };
    this.#pc.onicecandidate = ({ candidate }) => options.signaling.sendCandidate(candidate);
    this.#pc.onconnectionstatechange = () => this.#onState();
    for (let i = 0; i < options.audioSlots; i++) this.#pc.addTransceiver("audio", { direction: "recvonly" });
    this.ensureVideoSlots(1);
  }

  get state(): PeerState {
    return this.#pc.connectionState;
  }

  /** The server's last answer, "" before the first. */
  get answer(): string {
    return this.#pc.remoteDescription?.sdp ?? "";
  }

  /** Whether relays are tried, or could be. */
  get relays(): "none" | "later" | "tried" {
    if (!hasRelay(this.#servers)) return "none";
    return this.#relaying ? "tried" : "later";
  }

  /** Takes servers with fresh credentials; the next ICE restart uses them. */
  setServers(servers: ICEServer[]): void {
    this.#servers = servers;
    this.#stale = true;
  }

  #configuration(): RTCConfiguration {
    return {
      iceServers: this.#relaying ? this.#servers : direct(this.#servers),
      iceTransportPolicy: this.options.relayOnly ? "relay" : "all",
      bundlePolicy: "max-bundle",
      rtcpMuxPolicy: "require",
    };
  }

  /** From now on relays are tried as well; they are found by the next ICE restart. */
  #tryRelays(): boolean {
    if (this.relays !== "later") return false;
    this.#relaying = this.#stale = true;
    return true;
  }

  /** Makes room for n pictures, by a new offer if needed. */
  ensureVideoSlots(n: number): void {
    const max = this.options.maxVideoSlots;
    const target = Math.min(max, SLOT_STEPS.find((step) => step >= n) ?? max);
    if (target <= this.#videoSlots) return;
    for (; this.#videoSlots < target; this.#videoSlots++) {
      offerSlotExtensions(this.#pc.addTransceiver("video", { direction: "recvonly" }));
    }
    this.negotiate();
  }

  /**
   * Publishes a track as a source, or with null stops sending it. The first
   * track of a source adds an m-line; later ones take its place unnoticed.
   */
  async publish(source: Source, track: MediaStreamTrack | null): Promise<void> {
    const known = this.#senders.get(source);
    if (known) {
      await known.sender.replaceTrack(track);
      return;
    }
    if (!track || this.#closed) return;
    const transceiver = this.#addSender(source, track);
    offerExtensions(transceiver);
    this.#senders.set(source, transceiver);
    this.negotiate();
  }

  /**
   * Sends only those encodings of a source that somebody watches; "" names the one
   * without a rid. The m-line stays, so that switching on again takes no offer.
   */
  setLayers(source: Source, active: string[]): Promise<void> {
    this.#wantedLayers.set(source, active);
    // One after the other: parameters may be set only as they were last read.
    this.#applying = this.#applying.then(() => this.#applyLayers(source));
    return this.#applying;
  }

  /** Offers as soon as nothing else is being negotiated. Calls while busy are merged. */
  negotiate(): void {
    this.#wanted = true;
    this.#busy ??= this.#run().finally(() => {
      this.#busy = undefined;
      if (this.#wanted && !this.#closed) this.negotiate();
    });
  }

  /** Finds new network paths, as after a change of network. */
  restartIce(): void {
    if (this.#closed) return;
    // Not before: browsers restart ICE with the next offer when servers change.
    if (this.#stale) this.#pc.setConfiguration(this.#configuration());
    this.#stale = false;
    this.#pc.restartIce();
    this.negotiate();
  }

  /**
   * The network may be another one: restarts ICE unless the path of before still
   * brings something, as it does when only the address has changed.
   */
  async doubt(): Promise<void> {
    const before = await this.#received();
    await new Promise((next) => setTimeout(next, SILENCE));
    if (!this.#closed && (await this.#received()) <= before) this.restartIce();
  }

  async #received(): Promise<number> {
    let bytes = 0;
    (await this.#pc.getStats().catch(() => undefined))?.forEach((s: { type: string; bytesReceived?: number }) => {
      if (s.type === "candidate-pair") bytes += s.bytesReceived ?? 0;
    });
    return bytes;
  }

  stats(): Promise<RTCStatsReport> {
    return this.#pc.getStats();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#restart);
    clearTimeout(this.#directTime);
    this.#pc.onicecandidate = this.#pc.ontrack = this.#pc.onconnectionstatechange = null;
    this.#pc.close();
  }

  #addSender(source: Source, track: MediaStreamTrack): RTCRtpTransceiver {
    const { codec } = this.options;
    const add = (sendEncodings: Encoding[]) =>
      this.#pc.addTransceiver(track, { direction: "sendonly", sendEncodings });
    if (source !== "camera" && source !== "screen") return add([{ active: true }]);
    const { width = 1280, height = 720 } = track.getSettings();
    const size = { width, height };
    if (codec === "vp9" || codec === "av1") {
      const svc = attempt(() => add(svcEncodings(source, size)));
      // A browser without SVC ignores the mode, one without the codec sends another.
      if (svc && modeOf(svc.sender) && prefer(svc, codec)) return svc;
      svc?.stop();
    }
    const layers = source === "camera" ? cameraEncodings(size) : screenEncodings(size);
    const simulcast = attempt(() => add(layers)) ?? add(layers.map(withoutMode));
    if (codec) prefer(simulcast, codec);
    return simulcast;
  }

  async #applyLayers(source: Source): Promise<void> {
    const sender = this.#senders.get(source)?.sender;
    const active = this.#wantedLayers.get(source);
    if (!sender || !active || this.#closed) return;
    const parameters = sender.getParameters();
    const { encodings } = parameters;
    const wanted = (e: RTCRtpEncodingParameters) =>
      encodings.length === 1 ? active.length > 0 : active.includes(e.rid ?? "");
    if (!encodings.some((e) => (e.active ?? true) !== wanted(e))) return;
    for (const e of encodings) e.active = wanted(e);
    // What cannot be switched goes on being sent, as if nothing had been said.
    await sender.setParameters(parameters).catch((err: unknown) => console.warn("layers not switched", err));
  }

  async #run(): Promise<void> {
    // Merge all that this turn of the event loop asks for into one offer.
    await new Promise((next) => setTimeout(next));
    while (this.#wanted && !this.#closed) {
      this.#wanted = false;
      try {
        await this.#offer();
      } catch (err) {
        if (this.#closed) return;
        await this.#rollback();
        this.emit("error", err instanceof Error ? err : new Error(String(err)));
        if (!(err instanceof OfferError && this.#dropUnborn())) return;
        this.#wanted = true;
      }
    }
  }

  async #offer(): Promise<void> {
    const pc = this.#pc;
    await pc.setLocalDescription().catch((err: unknown) => {
      throw new OfferError("The browser could not make an offer.", { cause: err });
    });
    const tracks = this.#trackLines();
    const answer = await this.options.signaling.negotiate(pc.localDescription!.sdp, tracks);
    if (this.#closed) return;
    await pc.setRemoteDescription({ type: "answer", sdp: tuneOpus(answer, tracks) });
    this.#directTime ??= setTimeout(() => {
      if (pc.connectionState !== "connected" && this.#tryRelays()) this.restartIce();
    }, DIRECT_TIME);
  }

  async #rollback(): Promise<void> {
    if (this.#pc.signalingState !== "have-local-offer") return;
    await this.#pc.setLocalDescription({ type: "rollback" }).catch(() => undefined);
  }

  /**
   * Gives up what this browser cannot even offer, so that all the rest can still
   * be negotiated; true when there was something.
   */
  #dropUnborn(): boolean {
    const unborn = [...this.#senders].filter(([, transceiver]) => transceiver.mid === null);
    for (const [source, transceiver] of unborn) {
      transceiver.stop();
      this.#senders.delete(source);
    }
    return unborn.length > 0;
  }

  #trackLines(): TrackLine[] {
    const lines: TrackLine[] = [];
    for (const [source, transceiver] of this.#senders) {
      if (transceiver.mid !== null) lines.push({ mid: transceiver.mid, source });
    }
    return lines;
  }

  #onState(): void {
    const state = this.#pc.connectionState;
    clearTimeout(this.#restart);
    if (state === "failed") this.#heal(0);
    if (state === "disconnected") this.#heal(DISCONNECTED_GRACE);
    this.emit("state", state);
  }

  #heal(after: number): void {
    this.#restart = setTimeout(() => {
      if (this.#pc.connectionState === "connected") return;
      this.#tryRelays();
      this.restartIce();
      this.#heal(RESTART_EVERY);
    }, after);
  }
}

/** This browser refused its own offer. */
class OfferError extends Error {}

/** What make returns, or undefined when this browser refuses it. */
function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

const modeOf = (sender: RTCRtpSender): string | undefined =>
  (sender.getParameters().encodings?.[0] as Encoding | undefined)?.scalabilityMode;

const withoutMode = ({ scalabilityMode: _, ...rest }: Encoding): Encoding => rest;
