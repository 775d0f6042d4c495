/** Helpers for the tests of nanomeet.js. */
import { vi } from "vitest";
import type { TokenPayload } from "../src/lib/nanomeet/token";

/** makeToken builds a token of a plausible length, with a signature that proves nothing. */
export function makeToken(claims: Partial<TokenPayload> = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const payload = {
    iss: "meetcast", aud: "meetcast", sub: "org1", room: "room1", streamname: "AAAAA-BBBBB",
    server: "meet.example.com", moderator: true, nbf: now - 60, iat: now - 60, exp: now + 3600, ...claims,
  };
  const part = (value: object) =>
    btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value))))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  return `${part({ alg: "RS256", typ: "JWT", kid: "k1" })}.${part(payload)}.${"s".repeat(86)}`;
}

/** answerWith makes fetch answer with a status and JSON. */
export function answerWith(status: number, body: unknown) {
  const fetch = vi.fn(async (_url: string, _init: RequestInit) => new Response(JSON.stringify(body), { status }));
  vi.stubGlobal("fetch", fetch);
  return fetch;
}
