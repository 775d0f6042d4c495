import { describe, expect, it } from "vitest";
import { createInvite } from "./invite";
import { completeLinks, splitLinks } from "./links";
import { readClaims, readFragment, readParams } from "./params";

const jwt = (claims: object) =>
  `h.${btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(claims)))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}.s`;

describe("readParams", () => {
  it("reads path, token and the fragment of Jitsi embedders", () => {
    const url = new URL(
      "https://meet.test/acme/Weekly_planning?jwt=T#userInfo.displayName=%22Ann%20B.%22&config.prejoinPageEnabled=false&config.startWithAudioMuted=true",
    );
    expect(readParams(url)).toEqual({
      token: "T",
      room: "acme/Weekly_planning",
      roomName: "Weekly planning",
      displayName: "Ann B.",
      prejoin: false,
      startMuted: { microphone: true, camera: false },
      relayOnly: false,
    });
    expect(readParams(new URL("https://meet.test/acme/x?jwt=T&relay=1")).relayOnly).toBe(true);
  });

  it("has a pre-join page unless told otherwise", () => {
    expect(readParams(new URL("https://meet.test/a/b")).prejoin).toBe(true);
    expect(readParams(new URL("https://meet.test/a/b#config.prejoinPageEnabled=maybe")).prejoin).toBe(true);
  });

  it("survives fragments of other people's making", () => {
    expect([...readFragment("#a=1&b&=x&c=%E0%A4%A&d=plain")]).toEqual([
      ["a", 1],
      ["c", "%E0%A4%A"],
      ["d", "plain"],
    ]);
  });
});

describe("readClaims", () => {
  it("decodes a payload in UTF-8", () => {
    expect(readClaims(jwt({ moderator: true, server: "meet.test", sub: "acmé", room: "r", exp: 5 }))).toEqual({
      moderator: true,
      server: "meet.test",
      sub: "acmé",
      room: "r",
      exp: 5,
    });
  });

  it.each(["", "abc", "a.b.c", "a.e30", "..", `h.${btoa("null")}.s`])("has no opinion on %j", (token) => {
    const claims = readClaims(token);
    expect(claims === undefined || claims.moderator === false).toBe(true);
  });
});

describe("createInvite", () => {
  const page = new URL("https://meet.test/acme/standup?jwt=old#config.x=1");
  const token = jwt({ moderator: true, server: "meet.test" });
  const call = (status: number, body: unknown, request: Partial<Parameters<typeof createInvite>[1]> = {}) => {
    const calls: { url: string; init: RequestInit }[] = [];
    const fake = (url: URL, init: RequestInit) => {
      calls.push({ url: url.href, init });
      return Promise.resolve(new Response(JSON.stringify(body), { status }));
    };
    const link = createInvite(token, { moderator: false, notBefore: "", expires: "", ...request }, page, fake as typeof fetch);
    return { link, calls };
  };

  it("asks with the inviter's token and links to this page with the new one", async () => {
    const { link, calls } = call(200, { data: "NEW" }, { moderator: true, expires: "2026-12-01T10:00" });
    expect(await link).toBe("https://meet.test/acme/standup?jwt=NEW");
    expect(calls[0]!.url).toBe("https://meet.test/nanomeet");
    expect(calls[0]!.init.headers).toMatchObject({ "x-bintu-token": token });
    expect(JSON.parse(calls[0]!.init.body as string)).toEqual({
      moderator: true,
      server: "meet.test",
      exp: new Date("2026-12-01T10:00").toISOString(),
    });
  });

  it("says what the server said", async () => {
    await expect(call(403, { error: "x", message: "Only moderators invite." }).link).rejects.toThrow("Only moderators invite.");
    await expect(call(500, "oops").link).rejects.toThrow(/Try again/);
    await expect(call(200, {}, { notBefore: "tomorrow" }).link).rejects.toThrow(/dates/);
  });
});

describe("completeLinks", () => {
  const server = new URL("wss://meet.test:8443/api/v1/signal");

  it("adds the host that the server does not know", () => {
    expect(
      completeLinks({ status: "live", live: "/player?x=1", vod: "/vod/N.mp4", nanoStream: "rtmp://:1935/live/N" }, server),
    ).toEqual({
      status: "live",
      live: "https://meet.test:8443/player?x=1",
      vod: "https://meet.test:8443/vod/N.mp4",
      nanoStream: "rtmp://meet.test:1935/live/N",
    });
  });

  it("leaves whole links and missing ones alone", () => {
    const whole = { status: "live" as const, live: "https://cdn.test/p", nanoStream: "rtmp://in.test/live/N" };
    expect(completeLinks(whole, server)).toEqual(whole);
    expect(completeLinks({ status: "idle" }, server)).toEqual({ status: "idle" });
  });
});

describe("splitLinks", () => {
  it.each([
    ["no link", [{ text: "no link" }]],
    [
      "see https://a.test/x?y=1. Then (http://b.test) go",
      [
        { text: "see " },
        { text: "https://a.test/x?y=1", href: "https://a.test/x?y=1" },
        { text: ". Then (" },
        { text: "http://b.test", href: "http://b.test" },
        { text: ") go" },
      ],
    ],
    ["javascript:alert(1)", [{ text: "javascript:alert(1)" }]],
    ["http://", [{ text: "http://" }]],
  ])("cuts %j", (text, parts) => expect(splitLinks(text)).toEqual(parts));
});

describe("the codec of the address", () => {
  const codec = (rest: string) => readParams(new URL(`https://meet.example/acme/standup?jwt=x${rest}`)).codec;
  it.each([
    ["", undefined],
    ["&codec=vp9", "vp9"],
    ["&codec=h265", undefined],
    ['#config.videoCodec="av1"', "av1"],
    ['&codec=h264#config.videoCodec="av1"', "h264"],
  ])("%s is %s", (rest, want) => expect(codec(rest)).toBe(want));
});
