/**
 * The signaling messages, mirroring the Go package signaling/wire: the prose is
 * in docs/protocol.md, the golden examples in signaling/wire/testdata are read
 * by the tests of both languages.
 */

export const VERSION = 1;
/** The WebSocket subprotocol (RFC 6455 §1.9) of VERSION. */
export const SUBPROTOCOL = "meetcast.v1";
/** URL path of the signaling WebSocket. */
export const PATH = "/api/v1/signal";

/** Limits that the server enforces; the page keeps within them. */
export const LIMITS = {
  name: 80, // characters
  chat: 4000, // characters
  slots: 49, // video slots of one member
  resumeGrace: 30_000, // ms that a member outlives its socket
} as const;

export type Source = "microphone" | "camera" | "screen" | "screen-audio";
export type VideoSource = "camera" | "screen";
export type Layout = "grid" | "speaker";

/* Page → server -------------------------------------------------------- */

export interface Head {
  /** Of a request, chosen by the page; its answer carries the same. */
  id?: string;
}

export interface Join extends Head {
  type: "join";
  version: number;
  token: string;
  room?: string;
  name: string;
  resume?: string;
}

/** Ties a sendonly m-line to a source. */
export interface TrackLine {
  mid: string;
  source: Source;
}

export interface Offer extends Head {
  type: "offer";
  sdp: string;
  tracks: TrackLine[];
}

/** A trickled ICE candidate (RFC 8838); an empty candidate ends the gathering. */
export interface Candidate extends Head {
  type: "candidate";
  candidate: string;
  sdpMid?: string;
  sdpMLineIndex?: number;
  usernameFragment?: string;
}

/** One wanted picture and the size at which it is shown, in device pixels. */
export interface Want {
  participant: string;
  source: VideoSource;
  width: number;
  height: number;
}

export interface View extends Head {
  type: "view";
  want: Want[];
  fill?: boolean;
}

export interface Mute extends Head {
  type: "mute";
  source: Source;
  muted: boolean;
}

export interface SendChat extends Head {
  type: "chat";
  text: string;
}

export interface Hand extends Head {
  type: "hand";
  raised: boolean;
}

export interface Rename extends Head {
  type: "rename";
  name: string;
}

export interface Kick extends Head {
  type: "kick";
  participant: string;
}

export interface MuteParticipant extends Head {
  type: "mute-participant";
  participant: string;
  source: Source;
}

export interface BroadcastStart extends Head {
  type: "broadcast-start";
  record: boolean;
  layout?: Layout;
  destination?: string;
}

export interface BroadcastLayout extends Head {
  type: "broadcast-layout";
  layout: Layout;
}

export interface Bare extends Head {
  type: "mute-everyone" | "broadcast-stop" | "leave";
}

export interface Ping extends Head {
  type: "ping";
  t: number;
}

/** Everything the page may send. */
export type ClientMessage =
  | Join
  | Offer
  | Candidate
  | View
  | Mute
  | SendChat
  | Hand
  | Rename
  | Kick
  | MuteParticipant
  | BroadcastStart
  | BroadcastLayout
  | Bare
  | Ping;

/* Server → page -------------------------------------------------------- */

export interface RoomInfo {
  name: string;
  subject?: string;
  streamname?: string;
}

export interface ICEServer {
  urls: string[];
  username?: string;
  credential?: string;
}

/** One member as others see it. */
export interface Participant {
  id: string;
  name: string;
  moderator?: boolean;
  /** Unix ms when the hand was raised; 0 or absent is down. */
  hand?: number;
  /** Each published source is "on" or "muted". */
  sources: Partial<Record<Source, "on" | "muted">>;
  /** True while the member's socket is lost and may yet resume. */
  away?: boolean;
}

export interface ChatMessage extends Head {
  type: "chat";
  text: string;
  from?: string;
  name?: string;
  /** Unix ms. */
  at?: number;
}

export type BroadcastState =
  | "idle"
  | "starting"
  | "live"
  | "reconnecting"
  | "stopping"
  | "stopped"
  | "failed";

export interface Destination {
  /** Without the stream key. */
  url: string;
  status: string;
  reason?: string;
}

export interface Broadcast extends Head {
  type?: "broadcast";
  status: BroadcastState;
  reason?: string;
  /** Unix ms when it went live. */
  since?: number;
  record?: boolean;
  layout?: Layout;
  live?: string;
  vod?: string;
  nanoStream?: string;
  destinations?: Destination[];
}

export interface Joined extends Head {
  type: "joined";
  version: number;
  self: string;
  /** The secret with which a new socket takes over this member. */
  resume: string;
  /** True when the member, its PeerConnection and its slots live on. */
  resumed: boolean;
  room: RoomInfo;
  moderator: boolean;
  participants: Participant[];
  chat: ChatMessage[];
  broadcast: Broadcast;
  iceServers: ICEServer[];
  audioSlots: number;
  maxVideoSlots: number;
  /** What cameras and screens should be sent with; the browser's choice without. */
  videoCodec?: string;
}

export interface AnswerMessage extends Head {
  type: "answer";
  sdp: string;
}

/** One recvonly m-line; without a participant it carries nothing. */
export interface Slot {
  mid: string;
  kind: "audio" | "video";
  participant?: string;
  source?: Source;
  /** What it carries: "vp8", "h264", "vp9", "av1" or "opus". */
  codec?: string;
}

export interface Slots extends Head {
  type: "slots";
  slots: Slot[];
}

export type LeftReason = "left" | "kicked" | "lost";

export interface Participants extends Head {
  type: "participants";
  joined?: Participant[];
  updated?: Participant[];
  left?: { id: string; reason: LeftReason }[];
}

/** Who is heard, loudest first; the first is the dominant speaker. */
export interface Speakers extends Head {
  type: "speakers";
  speakers: string[];
}

export interface MuteRequest extends Head {
  type: "mute-request";
  source: Source;
  by: string;
}

/** Which encodings of a published source anybody watches, by rid; "" is the one without. */
export interface Layers extends Head {
  type: "layers";
  source: Source;
  active: string[];
}

export interface Kicked extends Head {
  type: "kicked";
  by: string;
}

export interface OK extends Head {
  type: "ok";
  broadcast?: Broadcast;
}

export type ErrorCode =
  | "bad-request"
  | "unauthorized"
  | "forbidden"
  | "not-found"
  | "rate"
  | "conflict"
  | "destination"
  | "unavailable"
  | "internal";

export interface ErrorMessage extends Head {
  type: "error";
  code: ErrorCode;
  message: string;
}

export interface Pong extends Head {
  type: "pong";
  t: number;
  at: number;
}

/** Everything the server may send. */
export type ServerMessage =
  | Joined
  | AnswerMessage
  | Candidate
  | Slots
  | Participants
  | Speakers
  | ChatMessage
  | (Broadcast & { type: "broadcast" })
  | MuteRequest
  | Layers
  | Kicked
  | OK
  | ErrorMessage
  | Pong;
