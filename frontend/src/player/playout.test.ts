import { afterEach, describe, expect, it, vi } from "vitest";
import { askPlayout, codecsOf, socketURL } from "./playout";
import { parseMessage } from "./playout-messages";

afterEach(() => vi.unstubAllGlobals());

describe("parseMessage", () => {
  it.each([
    '{"type":"init","codecs":"avc1.42C01F,mp4a.40.2","width":1280,"height":720,"fps":30}',
    '{"type":"clock","media":12.345,"at":1764000000000}',
    '{"type":"pong","t":5,"at":1764000000000}',
    '{"type":"offline"}',
  ])("reads %s", (text) => expect(parseMessage(text)).toEqual(JSON.parse(text)));

  it.each(["", "null", "[]", "{", '"init"', '{"type":"init"}', '{"type":"init","codecs":7}', '{"type":"clock","media":"1","at":2}',
    '{"type":"pong","t":1}', '{"type":"later"}'])("ignores %j", (text) => expect(parseMessage(text)).toBeUndefined());
});

describe("playout", () => {
  it("joins the codecs, and none that could break out of the type", () => {
    const live = { name: "x", state: "live" as const };
    expect(codecsOf({ ...live, video: { codec: "avc1.42C01F" }, audio: { codec: "mp4a.40.2" } })).toBe("avc1.42C01F,mp4a.40.2");
    expect(codecsOf({ ...live, audio: { codec: "mp4a.40.2" } })).toBe("mp4a.40.2");
    expect(codecsOf({ ...live, video: { codec: 'a"; x' } })).toBeUndefined();
    expect(codecsOf(live)).toBeUndefined();
  });

  it("turns a path into a WebSocket address", () => {
    expect(socketURL("https://meet.example.com", "/playout/A/ws")).toBe("wss://meet.example.com/playout/A/ws");
    expect(socketURL("http://localhost:8080", "/playout/A/ws")).toBe("ws://localhost:8080/playout/A/ws");
  });

  it("tells an unknown stream from a broken server", async () => {
    const { signal } = new AbortController();
    const answer = (status: number) => vi.stubGlobal("fetch", vi.fn(async () => new Response('{"name":"A B","state":"offline"}', { status })));
    answer(200);
    await expect(askPlayout("http://h", "A B", signal)).resolves.toMatchObject({ state: "offline" });
    expect(vi.mocked(fetch).mock.calls[0]![0]).toBe("http://h/playout/A%20B");
    answer(404);
    await expect(askPlayout("http://h", "A", signal)).resolves.toBeUndefined();
    answer(400);
    await expect(askPlayout("http://h", "<b>", signal)).resolves.toBeUndefined();
    answer(502);
    await expect(askPlayout("http://h", "A", signal)).rejects.toThrow("502");
  });
});
