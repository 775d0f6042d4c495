import { readPayload } from "../../protocol/jwt";
import { fail } from "./failure";

/** The payload of a room or invite token. Dates are Unix seconds. */
export interface TokenPayload {
  iss?: string;
  aud?: string | string[];
  sub: string;
  room: string;
  streamname: string;
  server?: string;
  moderator: boolean;
  nbf?: number;
  exp?: number;
  iat?: number;
  jti?: string;
  [claim: string]: unknown;
}

/** A signed token with all its claims is longer than this. */
const shortest = 200;

/**
 * decodeToken reads the payload of a token without verifying it. It throws what
 * NanoMeet rejects with.
 */
export function decodeToken(token: unknown): TokenPayload {
  if (typeof token !== "string" || token === "") {
    return fail("Missing token", "Pass the token as a string. A token is made with createNanoMeetRoom or createInviteToken.");
  }
  if (token.split(".").length !== 3) {
    return fail("Invalid token", "This is not a token: a token has three parts, separated by dots. Check that it was copied whole.");
  }
  const payload = readPayload(token) as TokenPayload | undefined;
  return payload ?? fail("Invalid token", "The token cannot be read. Check that it was copied whole.");
}

/** checkUsable refuses a token that cannot open a room now; now is Unix ms. */
export function checkUsable(token: unknown, now: number): TokenPayload {
  if (typeof token !== "string" || token === "") {
    return fail("Missing token", "Pass the room's token: init({ token, id }).");
  }
  if (token.length < shortest) {
    return fail("Invalid token", `The token is too short: a token has at least ${shortest} characters. Check that it was copied whole.`);
  }
  const payload = decodeToken(token);
  for (const claim of ["room", "streamname", "sub"] as const) {
    if (typeof payload[claim] !== "string" || payload[claim] === "") {
      fail("Invalid token", `The token does not say its "${claim}". Make a new one with createNanoMeetRoom.`);
    }
  }
  checkPeriod(payload, now);
  return payload;
}

/** checkPeriod refuses a token outside of its time; now is Unix ms. */
export function checkPeriod(payload: TokenPayload, now: number): void {
  if (typeof payload.nbf === "number" && now < payload.nbf * 1000) {
    fail("Token not valid yet", `The token is valid from ${iso(payload.nbf)}. Try again then, or ask for a new one.`);
  }
  if (typeof payload.exp === "number" && now >= payload.exp * 1000) {
    fail("Token expired", `The token expired on ${iso(payload.exp)}. Ask for a new one.`);
  }
}

/** iso writes Unix seconds as an ISO date; undefined when there is no such date. */
export function iso(seconds: number | undefined): string | undefined {
  if (seconds === undefined || !Number.isFinite(seconds)) return undefined;
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
