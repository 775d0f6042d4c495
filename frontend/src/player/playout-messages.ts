/** The text messages of the playout WebSocket; media travels in binary ones. */

/** Subprotocol of the playout WebSocket (RFC 6455 §1.9). */
export const subprotocol = "meetcast.playout.v1";

/** A programme begins: one binary init segment follows, then fragments. */
export interface InitMessage {
  type: "init";
  codecs: string;
  width?: number;
  height?: number;
  fps?: number;
}

/** Media time (s) that was captured at a wall time of the server (Unix ms). */
export interface ClockMessage {
  type: "clock";
  media: number;
  at: number;
}

/** Answers a ping: t is ours (ms), at the server's wall time (Unix ms). */
export interface PongMessage {
  type: "pong";
  t: number;
  at: number;
}

/** The programme is over; an init follows when it is back. */
export interface OfflineMessage {
  type: "offline";
}

export type ServerMessage = InitMessage | ClockMessage | PongMessage | OfflineMessage;

/** parseMessage decodes a message; undefined for what it does not know or cannot read. */
export function parseMessage(text: string): ServerMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const message = value as Record<string, unknown>;
  switch (message["type"]) {
    case "init":
      return typeof message["codecs"] === "string" && message["codecs"] !== "" ? (value as InitMessage) : undefined;
    case "clock":
      return isNumber(message["media"]) && isNumber(message["at"]) ? (value as ClockMessage) : undefined;
    case "pong":
      return isNumber(message["t"]) && isNumber(message["at"]) ? (value as PongMessage) : undefined;
    case "offline":
      return { type: "offline" };
    default:
      return undefined;
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
