import { isVideoCodec, type VideoCodec } from "../media/codecs";
import { readPayload } from "../protocol/jwt";
import type { Source } from "../protocol/messages";

/** What the address of the meeting page says. */
export interface MeetingParams {
  token: string;
  /** "sub/room", from the path. */
  room: string;
  /** The room's name for people. */
  roomName: string;
  displayName: string;
  prejoin: boolean;
  startMuted: Partial<Record<Source, boolean>>;
  /** The codec to send video with: ?codec=vp9 or #config.videoCodec="vp9". */
  codec?: VideoCodec;
  /** ?relay=1: media by relay (TURN) alone, to test it. */
  relayOnly: boolean;
}

/** The claims of a token that the page shows or passes on; the server verifies, not the page. */
export interface TokenClaims {
  moderator: boolean;
  server: string;
  sub: string;
  room: string;
  /** Unix seconds; 0 when absent. */
  exp: number;
}

/**
 * Reads /{sub}/{room}?jwt=TOKEN#config.key=value&userInfo.displayName="Ann". The
 * fragment is that of Jitsi embedders: dotted keys, JSON values, URL-encoded.
 */
export function readParams(url: URL): MeetingParams {
  const parts = url.pathname.split("/").filter(Boolean).map(decodeURIComponent);
  const fragment = readFragment(url.hash);
  const text = (key: string) => (typeof fragment.get(key) === "string" ? (fragment.get(key) as string) : "");
  const prejoin = fragment.get("config.prejoinPageEnabled") ?? fragment.get("config.prejoinConfig.enabled");
  const codec = [url.searchParams.get("codec"), fragment.get("config.videoCodec")].find(isVideoCodec);
  return {
    ...(codec ? { codec } : {}),
    token: url.searchParams.get("jwt") ?? "",
    room: parts.slice(0, 2).join("/"),
    roomName: (parts[1] ?? "").replaceAll("_", " "),
    displayName: text("userInfo.displayName").trim(),
    prejoin: prejoin !== false,
    relayOnly: url.searchParams.get("relay") === "1",
    startMuted: {
      microphone: fragment.get("config.startWithAudioMuted") === true,
      camera: fragment.get("config.startWithVideoMuted") === true,
    },
  };
}

/** The values of a fragment; what is no JSON counts as text. */
export function readFragment(hash: string): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const pair of hash.replace(/^#/, "").split("&")) {
    const at = pair.indexOf("=");
    if (at <= 0) continue;
    const key = decode(pair.slice(0, at));
    const value = decode(pair.slice(at + 1));
    try {
      values.set(key, JSON.parse(value));
    } catch {
      values.set(key, value);
    }
  }
  return values;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray % is a percent sign
  }
}

/** The claims of a token, unverified; undefined when it is none. */
export function readClaims(token: string): TokenClaims | undefined {
  const claims = readPayload(token);
  if (!claims) return undefined;
  const text = (v: unknown) => (typeof v === "string" ? v : "");
  return {
    moderator: claims.moderator === true || claims.moderator === "true",
    server: text(claims.server),
    sub: text(claims.sub),
    room: text(claims.room),
    exp: typeof claims.exp === "number" ? claims.exp : 0,
  };
}
