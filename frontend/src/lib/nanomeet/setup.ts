import { fail } from "./failure";

/** What createNanoMeetRoom takes. */
export interface RoomSetUp {
  /** Valid from: an ISO date; without a zone it is UTC. */
  nbf: string | Date;
  /** Valid until: an ISO date, at most a year from now. */
  exp: string | Date;
  /** The stream that a broadcast of the room goes to; the server makes one up without. */
  streamname?: string;
  /** Host of the server. */
  server: string;
  /** Name of the room: a-z A-Z 0-9 _ */
  room: string;
  /** Whether the token's holder may invite, kick and broadcast. */
  moderator: boolean;
}

/** What createInviteToken takes. */
export interface TokenSetup {
  /** Whether the invited may invite, kick and broadcast. */
  moderator: boolean;
  /** Valid from; that of the passed token without. */
  nbf?: string | Date;
  /** Valid until; that of the passed token without. */
  exp?: string | Date;
}

/** A token ends at most a year from now; the server counts leap days, this does not. */
const longest = 366 * 24 * 3600 * 1000;
/** YYYY-MM-DD, optionally with a time, optionally with a zone. */
const isoDate = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:?\d{2})?)?$/i;
const roomName = /^[A-Za-z0-9_]{1,128}$/;
const host = /^(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:\d{1,5})?$/i;

/** checkApiKey refuses what can be no API key. */
export function checkApiKey(key: unknown): string {
  if (typeof key !== "string" || key.trim() === "") {
    return fail("Missing API key", "Pass the API key of your organisation as the first argument.");
  }
  return key.trim();
}

/** checkRoomSetUp returns the body of POST /nanomeet for a new room; now is Unix ms. */
export function checkRoomSetUp(setup: unknown, now: number): Record<string, unknown> {
  const given = checkObject(setup, "roomSetUp", "nbf, exp, server, room and moderator");
  for (const field of ["nbf", "exp", "server", "room", "moderator"] as const) {
    if (given[field] === undefined || given[field] === null || given[field] === "") missing("roomSetUp", field);
  }
  const { room, server, streamname } = given;
  if (typeof room !== "string" || !roomName.test(room)) {
    return fail("Invalid room name", "A room name has 1 to 128 characters out of a-z, A-Z, 0-9 and _.");
  }
  if (typeof server !== "string" || !host.test(server)) {
    return fail("Invalid server", "Pass the host name of the server, such as meet.example.com.");
  }
  if (streamname !== undefined && streamname !== null && typeof streamname !== "string") {
    return fail("Invalid stream name", "Pass the name of the stream as a string.");
  }
  const moderator = checkModerator(given["moderator"], "roomSetUp");
  const dates = checkDates(given["nbf"], given["exp"], now);
  return { ...dates, room, server, moderator, ...(streamname ? { streamname } : {}) };
}

/** checkTokenSetup returns the changeable part of the body of POST /nanomeet for an invite. */
export function checkTokenSetup(setup: unknown, now: number): Record<string, unknown> {
  const given = checkObject(setup, "tokenSetup", "moderator");
  if (given["moderator"] === undefined || given["moderator"] === null) missing("tokenSetup", "moderator");
  const moderator = checkModerator(given["moderator"], "tokenSetup");
  return { ...checkDates(given["nbf"], given["exp"], now), moderator };
}

/** parseDate reads an ISO date as the server does: UTC unless it names a zone. NaN if it is none. */
export function parseDate(text: string): number {
  const match = isoDate.exec(text.trim());
  if (!match) return NaN;
  const [, day, time = "00:00", zone = "Z"] = match;
  return Date.parse(`${day}T${time}${zone.toUpperCase()}`);
}

function checkObject(value: unknown, name: string, needed: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return fail(`Missing ${name}`, `Pass an object with ${needed} as the second argument.`);
  }
  return value as Record<string, unknown>;
}

function missing(object: string, field: string): never {
  return fail(`Missing ${field}`, `${object}.${field} is required.`);
}

function checkModerator(value: unknown, object: string): boolean {
  if (typeof value === "boolean") return value;
  return fail("Invalid moderator", `${object}.moderator is true for a moderator and false for a participant.`);
}

function checkDates(nbf: unknown, exp: unknown, now: number): { nbf?: string; exp?: string } {
  const from = checkDate(nbf, "nbf");
  const until = checkDate(exp, "exp");
  if (from && until && from.at >= until.at) fail("Invalid dates", "nbf, the begin, must lie before exp, the end.");
  if (until && until.at <= now) fail("Invalid dates", "exp, the end, has already passed.");
  if (until && until.at - now > longest) {
    fail("Invalid dates", "exp, the end, lies at most one year from now: choose an earlier one.");
  }
  return { ...(from && { nbf: from.text }), ...(until && { exp: until.text }) };
}

function checkDate(value: unknown, field: string): { at: number; text: string } | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const at = value instanceof Date ? value.getTime() : typeof value === "string" ? parseDate(value) : NaN;
  if (Number.isNaN(at)) {
    return fail("Invalid dates", `${field} is not a date. Write it like 2026-06-01T12:00:00Z.`);
  }
  return { at, text: new Date(at).toISOString() };
}
