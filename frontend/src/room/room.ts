import type { VideoCodec } from "../media/codecs";
import type { LocalMedia } from "../media/local";
import type { SlotPicture } from "../media/slots";
import { type ConnectionState, type EndReason, RequestError, SignalClient } from "../protocol/client";
import { Emitter } from "../protocol/emitter";
import type {
  Broadcast,
  ChatMessage,
  Joined,
  Layout,
  Participant,
  RoomInfo,
  ServerMessage,
  Source,
  VideoSource,
} from "../protocol/messages";
import { completeLinks } from "./links";
import { MediaLink } from "./media-link";
import { Presence } from "./presence";

/** A sentence for the person in front of the page. */
export interface Notice {
  kind: "info" | "error";
  text: string;
}

export interface RoomEvents {
  /** Something that is shown has changed; merged to one a turn of the event loop. */
  change: void;
  notice: Notice;
  /** First join only. */
  joined: Participant;
  participantJoined: Participant;
  participantLeft: Participant & { reason: string };
  chat: ChatMessage;
  broadcast: Broadcast;
  ended: Ended;
}

/** How the meeting ended for this page. */
export interface Ended {
  reason: EndReason;
  /** The server's sentence; for "kicked" who did it. */
  message: string;
}

export interface RoomOptions {
  url: string;
  token: string;
  room: string;
  name: string;
  local: LocalMedia;
  /** Where the hidden audio elements go. */
  audioParent: HTMLElement;
  /** To send video with; the server's default without. */
  codec?: VideoCodec;
  /** Media by relay alone: to test it. */
  relayOnly?: boolean;
  webSocket?: (url: string, protocol: string) => WebSocket;
}

/** Messages kept for the chat panel. */
const CHAT_KEPT = 500;

/**
 * One meeting as this page takes part in it: the state that the components show
 * and the things that a person can do. It knows no component.
 */
export class Room extends Emitter<RoomEvents> {
  readonly local: LocalMedia;
  readonly media: MediaLink;
  readonly presence = new Presence();
  self = "";
  moderator = false;
  info: RoomInfo = { name: "" };
  speakers: string[] = [];
  chat: ChatMessage[] = [];
  broadcast: Broadcast = { status: "idle" };
  ended: Ended | undefined;
  readonly #client: SignalClient;
  readonly #off: (() => void)[];
  readonly #server: URL;
  #changed = false;

  constructor(options: RoomOptions) {
    super();
    this.local = options.local;
    this.#server = new URL(options.url);
    this.#client = new SignalClient(options);
    this.media = new MediaLink(this.#client, options.local, options.audioParent, options.codec, options.relayOnly);
    this.#off = [
      this.#client.on("state", () => this.#change()),
      this.#client.on("joined", (m) => this.#onJoined(m)),
      this.#client.on("message", (m) => this.#onMessage(m)),
      this.#client.on("end", (e) => this.#onEnd(e)),
      this.media.on("change", () => this.#change()),
      this.media.on("error", (err) => this.#complain(err)),
      this.local.on("change", () => this.#change()),
      this.local.on("error", (err) => this.#complain(err)),
    ];
  }

  /* State ---------------------------------------------------------------- */

  get connection(): ConnectionState {
    return this.#client.state;
  }

  get roundTrip(): number {
    return this.#client.roundTrip;
  }

  /** True from the first join on. */
  get inside(): boolean {
    return this.self !== "";
  }

  /** True while the meeting is there but nothing moves: say so. */
  get troubled(): "signaling" | "media" | undefined {
    if (!this.inside || this.ended) return undefined;
    if (this.connection !== "joined") return "signaling";
    return this.media.state === "disconnected" || this.media.state === "failed" ? "media" : undefined;
  }

  get me(): Participant | undefined {
    return this.presence.get(this.self);
  }

  /** What to show of a participant's camera or screen; one's own comes from the device. */
  picture(participant: string, source: VideoSource): SlotPicture | { track: MediaStreamTrack } | undefined {
    if (participant !== this.self) return this.media.picture(participant, source);
    const track = this.local.track(source);
    return track && { track };
  }

  /* Actions -------------------------------------------------------------- */

  join(): void {
    this.#client.connect();
  }

  leave(): void {
    this.#client.leave();
  }

  async toggleMicrophone(): Promise<void> {
    await this.local.setMicrophone(this.local.state("microphone") !== "on");
  }

  async toggleCamera(): Promise<void> {
    const state = this.local.state("camera");
    await this.local.setCamera(state === "off");
  }

  async toggleScreen(): Promise<void> {
    if (this.local.state("screen") === "off") await this.local.shareScreen();
    else this.local.stopScreen();
  }

  toggleHand(): Promise<boolean> {
    return this.#ask({ type: "hand", raised: !this.me?.hand });
  }

  sendChat(text: string): Promise<boolean> {
    return this.#ask({ type: "chat", text });
  }

  rename(name: string): Promise<boolean> {
    this.#client.name = name;
    return this.#ask({ type: "rename", name });
  }

  kick(participant: string): Promise<boolean> {
    return this.#ask({ type: "kick", participant });
  }

  muteParticipant(participant: string, source: Source): Promise<boolean> {
    return this.#ask({ type: "mute-participant", participant, source });
  }

  muteEveryone(): Promise<boolean> {
    return this.#ask({ type: "mute-everyone" });
  }

  /** Resolves when the broadcast is live; rejects with the reason when it is not. */
  async startBroadcast(request: { record: boolean; layout?: Layout; destination?: string }): Promise<Broadcast> {
    const answer = await this.#client.request({ type: "broadcast-start", ...request });
    if (answer.type === "ok" && answer.broadcast) this.#setBroadcast(answer.broadcast);
    return this.broadcast;
  }

  /** Resolves when the recording is safe. */
  async stopBroadcast(): Promise<Broadcast> {
    const answer = await this.#client.request({ type: "broadcast-stop" });
    if (answer.type === "ok" && answer.broadcast) this.#setBroadcast(answer.broadcast);
    return this.broadcast;
  }

  setBroadcastLayout(layout: Layout): Promise<boolean> {
    return this.#ask({ type: "broadcast-layout", layout });
  }

  /** Shows a sentence as the room's own do. */
  notify(notice: Notice): void {
    this.emit("notice", notice);
  }

  /** Frees devices, sockets and timers; the room is of no use afterwards. */
  close(): void {
    this.leave();
    for (const off of this.#off) off();
    this.media.close();
    this.local.close();
  }

  /* Messages ------------------------------------------------------------- */

  #onJoined(m: Joined): void {
    const first = !this.inside;
    const before = m.resumed ? this.presence.all : [];
    this.self = m.self;
    this.moderator = m.moderator;
    this.info = m.room;
    this.presence.reset(m.participants);
    this.speakers = this.speakers.filter((id) => this.presence.get(id));
    this.chat = m.chat.slice(-CHAT_KEPT);
    this.media.joined(m);
    this.#setBroadcast(m.broadcast);
    this.#change();
    if (first) this.emit("joined", this.me ?? { id: m.self, name: "", sources: {} });
    else this.#catchUp(before);
  }

  /** Tells who came and went while the connection was lost. */
  #catchUp(before: Participant[]): void {
    for (const p of this.presence.all) {
      if (before.length > 0 && !before.some((b) => b.id === p.id)) this.emit("participantJoined", p);
    }
    for (const p of before) {
      if (!this.presence.get(p.id)) this.emit("participantLeft", { ...p, reason: "lost" });
    }
  }

  #onMessage(m: ServerMessage): void {
    switch (m.type) {
      case "participants": {
        const { joined, left } = this.presence.apply(m);
        for (const p of joined) this.emit("participantJoined", p);
        for (const p of left) this.emit("participantLeft", p);
        break;
      }
      case "slots":
        this.media.setSlots(m.slots);
        break;
      case "layers":
        this.media.setLayers(m);
        break;
      case "speakers":
        this.speakers = m.speakers;
        break;
      case "chat":
        this.chat = [...this.chat, m].slice(-CHAT_KEPT);
        this.emit("chat", m);
        break;
      case "broadcast":
        this.#setBroadcast(m);
        break;
      case "mute-request":
        void this.#obeyMute(m.source, m.by);
        break;
      case "error":
        this.notify({ kind: "error", text: m.message });
        break;
    }
    this.#change();
  }

  async #obeyMute(source: Source, by: string): Promise<void> {
    const who = this.presence.get(by)?.name ?? "A moderator";
    if (source === "microphone") {
      await this.local.setMicrophone(false);
      this.notify({ kind: "info", text: `${who} muted your microphone.` });
    } else if (source === "camera") {
      await this.local.setCamera(false);
      this.notify({ kind: "info", text: `${who} switched off your camera.` });
    } else {
      this.local.stopScreen();
      this.notify({ kind: "info", text: `${who} ended your screen share.` });
    }
  }

  #setBroadcast(told: Broadcast): void {
    const broadcast = completeLinks(told, this.#server);
    const before = this.broadcast;
    this.broadcast = broadcast;
    if (sameBroadcast(before, broadcast)) return;
    this.emit("broadcast", broadcast);
    this.#change();
  }

  #onEnd({ reason, message }: { reason: EndReason; message: string }): void {
    const by = reason === "kicked" ? (this.presence.get(message)?.name ?? "") : message;
    this.ended = { reason, message: by };
    this.media.close();
    this.local.close();
    this.#change();
    this.emit("ended", this.ended);
  }

  /** Sends a request and shows its refusal; true when it was granted. */
  async #ask(message: Parameters<SignalClient["request"]>[0]): Promise<boolean> {
    try {
      await this.#client.request(message);
      return true;
    } catch (err) {
      this.#complain(err as Error);
      return false;
    }
  }

  #complain(err: Error): void {
    if (this.ended && err instanceof RequestError) return;
    this.notify({ kind: "error", text: err.message });
  }

  #change(): void {
    if (this.#changed) return;
    this.#changed = true;
    queueMicrotask(() => {
      this.#changed = false;
      this.emit("change", undefined);
    });
  }
}

/** Compares what is shown; the envelope of the message is no part of it. */
function sameBroadcast(a: Broadcast, b: Broadcast): boolean {
  const shown = ({ status, reason, since, record, layout, live, vod, nanoStream, destinations }: Broadcast) =>
    JSON.stringify([status, reason, since, record, layout, live, vod, nanoStream, destinations ?? []]);
  return shown(a) === shown(b);
}
