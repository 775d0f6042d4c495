/**
 * The contract between a page that embeds a meeting (parent) and the meeting
 * page in its iframe (frame): window messages, all of them envelopes.
 *
 *     parent                                  frame
 *       |  <------------- ready ---------------  |   to "*": it says nothing
 *       |  -------------- hello ------------->   |   the frame learns the parent's origin
 *       |  <------------- joined, … -----------  |   events, to that origin only
 *       |  ------- {id, startBroadcast} ------>  |
 *       |  <------ {id, answer} ---------------  |
 *
 * Both sides check the origin and the source of every message, and ignore what
 * is no envelope of this version. A token never travels in a message.
 *
 * Used by src/room/embed-bridge.ts (frame) and src/lib (parent); it has no
 * imports, so that the classic scripts stay small.
 */

/** Version of the envelope; a side ignores envelopes of another version. */
export const EMBED_VERSION = 1;

/** What every message has. */
export interface Envelope {
  meetcast: typeof EMBED_VERSION;
  type: string;
  /** Of a command and of its answer. */
  id?: string;
}

/** Parent → frame: here I am; the frame answers only to this origin from now on. */
export interface HelloMessage extends Envelope {
  type: "hello";
}

/** Parent → frame: commands. Each has an id and gets one answer. */
export interface StartBroadcastCommand extends Envelope {
  type: "startBroadcast";
  id: string;
  record: boolean;
  /** "grid" or "speaker"; absent means grid. */
  layout?: string;
  /** An rtmp:// or rtmps:// URL; absent means the server's own ingest. */
  destination?: string;
}
export interface StopBroadcastCommand extends Envelope {
  type: "stopBroadcast";
  id: string;
}
export interface HangupCommand extends Envelope {
  type: "hangup";
  id: string;
}
export type Command = StartBroadcastCommand | StopBroadcastCommand | HangupCommand;
export type CommandType = Command["type"];

/** What startBroadcast resolves with. Absent links were not asked for. */
export interface BroadcastLinks {
  playout: { live: string; vod?: string };
  playback: { live: string; vod?: string };
  nanoStream: string;
}

/** What each command's answer carries as data. */
export interface CommandResults {
  startBroadcast: BroadcastLinks;
  stopBroadcast: { playout: { live: string; vod?: string }; playback: { live: string; vod?: string } };
  hangup: Record<string, never>;
}

/** An error as the whole API tells it: a short title and a sentence that helps. */
export interface EmbedError {
  error: string;
  message: string;
}

/** Frame → parent: the answer to the command with the same id. */
export type Answer =
  | (Envelope & { type: "answer"; id: string; ok: true; data: CommandResults[CommandType] })
  | (Envelope & { type: "answer"; id: string; ok: false; error: EmbedError });

/** A participant as events tell of it. */
export interface EmbedParticipant {
  id: string;
  name: string;
  moderator: boolean;
}

/** The payload of each event. */
export interface EmbedEvents {
  joined: { self: EmbedParticipant; room: string; participants: EmbedParticipant[] };
  /** The meeting is over for this page; reason as the page shows it. */
  left: { reason: "left" | "kicked" | "expired" | "refused" | "replaced" | "failed" };
  participantJoined: EmbedParticipant;
  participantLeft: EmbedParticipant & { reason: string };
  /** This page's participant was removed by a moderator. */
  kicked: { by: string };
  broadcastStatus: {
    status: string;
    reason?: string;
    record: boolean;
    live?: string;
    vod?: string;
  };
  error: EmbedError;
}
export type EmbedEventType = keyof EmbedEvents;

/** Frame → parent: the frame's script runs and listens. */
export interface ReadyMessage extends Envelope {
  type: "ready";
}

/** Frame → parent: something happened. */
export type EmbedEvent = {
  [T in EmbedEventType]: Envelope & { type: T; data: EmbedEvents[T] };
}[EmbedEventType];

export type FromFrame = ReadyMessage | Answer | EmbedEvent;

/** Tells an envelope of this version from all else that arrives in a window. */
export function isEnvelope(data: unknown): data is Envelope {
  if (typeof data !== "object" || data === null) return false;
  const e = data as Partial<Envelope>;
  return (
    e.meetcast === EMBED_VERSION &&
    typeof e.type === "string" &&
    (e.id === undefined || (typeof e.id === "string" && e.id.length <= 64))
  );
}
