// @vitest-environment jsdom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { bytes, FakeMediaSource, FakeSocket, fakeVideo, init, installFakes } from "../../tests/player-fakes";
import { Player, type SourceKind } from "./player";

let video: ReturnType<typeof fakeVideo>;
let player: Player;
let playout: { status: number; state: string };
const fetched = vi.fn();

beforeEach(() => {
  vi.useFakeTimers();
  installFakes();
  playout = { status: 200, state: "live" };
  fetched.mockImplementation(async () => {
    if (playout.status === 0) throw new TypeError("failed");
    const body = { name: "A", state: playout.state, ws: "/playout/A/ws", hls: "/playout/A/hls/index.m3u8" };
    return new Response(JSON.stringify(body), { status: playout.status });
  });
  vi.stubGlobal("fetch", fetched);
});
afterEach(() => {
  player.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  fetched.mockReset();
});

async function start(source?: SourceKind): Promise<void> {
  video = fakeVideo();
  player = new Player({ base: "http://h", name: "A", video, ...(source && { source }) });
  player.play();
  await vi.advanceTimersByTimeAsync(0);
}

async function goLive(): Promise<void> {
  FakeSocket.last.open();
  FakeSocket.last.tell(init);
  FakeSocket.last.tell(bytes(100));
  FakeMediaSource.last.open();
  await vi.advanceTimersByTimeAsync(0);
  video.dispatchEvent(new Event("playing"));
}

it("plays over the WebSocket where it can", async () => {
  await start();
  expect(FakeSocket.last.url).toBe("ws://h/playout/A/ws");
  await goLive();
  expect(player.state).toBe("playing");
  expect(player.stats()).toMatchObject({ source: "ws", fps: 30, codecs: init.codecs, connects: 1 });
  video.dispatchEvent(new Event("waiting"));
  expect(player.state).toBe("buffering");
});

it("waits on the socket while the stream is not live", async () => {
  playout.state = "offline";
  await start();
  expect(player.state).toBe("waiting");
  await goLive();
  expect(player.state).toBe("playing");
  expect(fetched).toHaveBeenCalledTimes(1);
  FakeSocket.last.tell({ type: "offline" });
  expect(player.state).toBe("waiting");
});

it("asks again while the server does not know the stream", async () => {
  playout.status = 404;
  await start();
  expect([player.state, player.known]).toEqual(["waiting", false]);
  expect(FakeSocket.all).toHaveLength(0);
  playout.status = 200;
  await vi.advanceTimersByTimeAsync(2000);
  expect(player.known).toBe(true);
  await goLive();
  expect(player.state).toBe("playing");
});

it.each([0, 502])("tries again while the server is away (%i)", async (status) => {
  playout.status = status;
  await start();
  expect(player.state).toBe("reconnecting");
  playout.status = 200;
  await vi.advanceTimersByTimeAsync(1000);
  await goLive();
  expect(player.state).toBe("playing");
});

it("starts without sound where the browser wants a click first", async () => {
  await start();
  let refused = 0;
  video.play = async () => {
    if (!video.muted && refused++ === 0) throw new DOMException("no", "NotAllowedError");
  };
  await goLive();
  expect([video.muted, player.soundBlocked]).toEqual([true, true]);
  player.unmute();
  expect([video.muted, player.soundBlocked]).toEqual([false, false]);
});

it("lets go when it is paused and joins live again", async () => {
  await start();
  await goLive();
  player.pause();
  expect(player.state).toBe("paused");
  expect(FakeSocket.last.closed).toBe(true);
  player.play();
  await vi.advanceTimersByTimeAsync(0);
  expect(FakeSocket.all).toHaveLength(2);
  await goLive();
  expect(player.state).toBe("playing");
});

it("takes a pause by the system for a pause", async () => {
  await start();
  await goLive();
  video.pause();
  video.dispatchEvent(new Event("pause"));
  expect(player.state).toBe("paused");
});

it("turns to HLS where WebSockets are blocked", async () => {
  await start();
  for (let i = 0; i < 3; i++) {
    FakeSocket.last.break();
    await vi.advanceTimersByTimeAsync(5000);
  }
  expect(player.stats().source).toBe("hls");
});

it("does not turn to HLS because the server was away", async () => {
  await start();
  await goLive();
  playout.status = 0;
  for (let i = 0; i < 4; i++) {
    FakeSocket.last.break();
    await vi.advanceTimersByTimeAsync(5000);
  }
  expect(player.state).toBe("reconnecting");
  playout.status = 200;
  await vi.advanceTimersByTimeAsync(10_000);
  await goLive();
  expect(player.stats().source).toBe("ws");
});

it("says when the browser can play nothing", async () => {
  vi.stubGlobal("MediaSource", undefined);
  await start();
  expect(player.state).toBe("failed");
  expect(player.reason).not.toBe("");
});

it("keeps to the source that is asked for", async () => {
  playout.state = "offline";
  await start("hls");
  expect([player.state, FakeSocket.all.length]).toEqual(["waiting", 0]);
});
