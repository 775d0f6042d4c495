import type { Broadcast, ChatMessage, Participant, ServerMessage, Slot } from "./messages";

/**
 * Reads one message of the server. It returns undefined for what this page does
 * not understand: unknown types come from a newer server and are ignored, and a
 * message without a field that the page relies on is as good as unknown.
 * Lists that Go sends as null become empty.
 */
export function decode(text: string): ServerMessage | undefined {
  let m: Record<string, unknown>;
  try {
    const parsed: unknown = JSON.parse(text);
    if (!isRecord(parsed)) return undefined;
    m = parsed;
  } catch {
    return undefined;
  }
  if (typeof m.type !== "string" || !optional(m.id, "string")) return undefined;
  const check = checks[m.type];
  return check?.(m) ? (m as unknown as ServerMessage) : undefined;
}

type Fields = Record<string, unknown>;

const isRecord = (v: unknown): v is Fields => typeof v === "object" && v !== null && !Array.isArray(v);
const isString = (v: unknown): v is string => typeof v === "string";
const isNumber = (v: unknown): v is number => typeof v === "number";
const optional = (v: unknown, type: string) => v === undefined || v === null || typeof v === type;

/** Turns a missing list into an empty one and checks every entry. */
function list<T>(m: Fields, key: string, entry: (v: unknown) => v is T): boolean {
  m[key] ??= [];
  const v = m[key];
  return Array.isArray(v) && v.every(entry);
}

const isParticipant = (v: unknown): v is Participant => {
  if (!isRecord(v) || !isString(v.id) || !isString(v.name)) return false;
  v.sources ??= {};
  return isRecord(v.sources);
};

const isSlot = (v: unknown): v is Slot =>
  isRecord(v) && isString(v.mid) && (v.kind === "audio" || v.kind === "video") && optional(v.codec, "string");

const isChat = (v: unknown): v is ChatMessage => isRecord(v) && isString(v.text);

const isBroadcast = (v: unknown): v is Broadcast =>
  isRecord(v) && isString(v.status) && list(v, "destinations", isRecord);

const isICEServer = (v: unknown): v is Fields => isRecord(v) && list(v, "urls", isString);

const isLeft = (v: unknown): v is Fields => isRecord(v) && isString(v.id) && isString(v.reason);

const checks: Record<string, ((m: Fields) => boolean) | undefined> = {
  joined: (m) =>
    isString(m.self) &&
    isString(m.resume) &&
    isRecord(m.room) &&
    isNumber(m.audioSlots) &&
    isNumber(m.maxVideoSlots) &&
    list(m, "participants", isParticipant) &&
    list(m, "chat", isChat) &&
    list(m, "iceServers", isICEServer) &&
    isBroadcast(m.broadcast),
  answer: (m) => isString(m.sdp),
  candidate: (m) => isString(m.candidate),
  slots: (m) => list(m, "slots", isSlot),
  participants: (m) =>
    list(m, "joined", isParticipant) && list(m, "updated", isParticipant) && list(m, "left", isLeft),
  speakers: (m) => list(m, "speakers", isString),
  chat: isChat,
  broadcast: isBroadcast,
  "mute-request": (m) => isString(m.source) && isString(m.by),
  layers: (m) => isString(m.source) && list(m, "active", isString),
  kicked: (m) => optional(m.by, "string"),
  ok: (m) => m.broadcast === undefined || m.broadcast === null || isBroadcast(m.broadcast),
  error: (m) => isString(m.code) && isString(m.message),
  pong: (m) => isNumber(m.t),
};
