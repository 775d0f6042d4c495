import { beforeEach, describe, expect, it } from "vitest";
import { Emitter } from "../protocol/emitter";
import { RequestError } from "../protocol/client";
import { EmbedBridge, type BridgeWindows } from "./embed-bridge";
import { Presence } from "./presence";
import type { Room, RoomEvents } from "./room";

const ORIGIN = "https://parent.test";

class FakeRoom extends Emitter<RoomEvents> {
  inside = true;
  ended: unknown;
  info = { name: "acme/standup" };
  presence = new Presence();
  requests: unknown[] = [];
  startBroadcast(request: unknown) {
    this.requests.push(request);
    return Promise.resolve({ status: "live", live: "https://x/live", vod: "https://x/vod.mp4", nanoStream: "rtmp://x/live/N" });
  }
  stopBroadcast() {
    return Promise.reject(new RequestError("forbidden", "Only moderators may."));
  }
  leave() {
    this.requests.push("leave");
  }
  fire<T extends keyof RoomEvents>(type: T, payload: RoomEvents[T]) {
    this.emit(type, payload);
  }
}

let posted: { message: Record<string, unknown>; origin: string }[];
let listener: (e: MessageEvent) => void;
let windows: BridgeWindows;
let room: FakeRoom;

beforeEach(() => {
  posted = [];
  windows = {
    own: { addEventListener: (_: string, fn: never) => (listener = fn), removeEventListener: () => undefined } as never,
    parent: { postMessage: (message: never, origin: never) => posted.push({ message, origin }) } as never,
  };
  const bridge = new EmbedBridge(windows);
  room = new FakeRoom();
  bridge.attach(room as unknown as Room);
});

const say = (data: unknown, origin = ORIGIN, source: unknown = windows.parent) =>
  listener({ data, origin, source } as MessageEvent);
const hello = () => say({ meetcast: 1, type: "hello" });
const settle = () => new Promise((done) => setTimeout(done));

describe("EmbedBridge", () => {
  it("says nothing but ready before it knows its parent, then catches up", () => {
    room.fire("participantJoined", { id: "b", name: "Bob", sources: {} });
    expect(posted).toEqual([{ message: { meetcast: 1, type: "ready" }, origin: "*" }]);
    hello();
    expect(posted[1]).toEqual({
      message: { meetcast: 1, type: "participantJoined", data: { id: "b", name: "Bob", moderator: false } },
      origin: ORIGIN,
    });
  });

  it("answers commands with their id", async () => {
    hello();
    say({ meetcast: 1, type: "startBroadcast", id: "7", record: true, layout: "sideways", destination: "" });
    await settle();
    expect(room.requests).toEqual([{ record: true }]);
    expect(posted.at(-1)!.message).toMatchObject({
      type: "answer",
      id: "7",
      ok: true,
      data: { playout: { live: "https://x/live", vod: "https://x/vod.mp4" }, nanoStream: "rtmp://x/live/N" },
    });
    say({ meetcast: 1, type: "stopBroadcast", id: "8" });
    await settle();
    expect(posted.at(-1)!.message).toMatchObject({ id: "8", ok: false, error: { error: "not allowed", message: "Only moderators may." } });
    say({ meetcast: 1, type: "dance", id: "9" });
    await settle();
    expect(posted.at(-1)!.message).toMatchObject({ id: "9", ok: false, error: { error: "unknown command" } });
  });

  it.each([
    ["another window", { meetcast: 1, type: "hangup", id: "1" }, ORIGIN, {}],
    ["another origin", { meetcast: 1, type: "hangup", id: "1" }, "https://evil.test", undefined],
    ["another version", { meetcast: 2, type: "hangup", id: "1" }, ORIGIN, undefined],
    ["no id", { meetcast: 1, type: "hangup" }, ORIGIN, undefined],
    ["no envelope", "hangup", ORIGIN, undefined],
  ])("ignores a command from %s", async (_, data, origin, source) => {
    hello();
    say(data, origin, source ?? windows.parent);
    await settle();
    expect(room.requests).toEqual([]);
    expect(posted).toHaveLength(1);
  });

  it("does not let a second origin take over", async () => {
    hello();
    say({ meetcast: 1, type: "hello" }, "https://evil.test");
    room.fire("participantJoined", { id: "b", name: "Bob", sources: {} });
    expect(posted.at(-1)!.origin).toBe(ORIGIN);
  });

  it("refuses commands before the meeting is joined", async () => {
    room.inside = false;
    hello();
    say({ meetcast: 1, type: "hangup", id: "1" });
    await settle();
    expect(posted.at(-1)!.message).toMatchObject({ ok: false, error: { error: "not in the meeting" } });
  });

  it("tells of a kick and of the end", () => {
    hello();
    room.fire("ended", { reason: "kicked", message: "Bob" });
    expect(posted.slice(-2).map((p) => [p.message.type, p.message.data])).toEqual([
      ["kicked", { by: "Bob" }],
      ["left", { reason: "kicked" }],
    ]);
  });
});
