// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bytes, FakeMediaSource, FakeSocket, fakeVideo, init, installFakes } from "../../tests/player-fakes";
import type { SourceHost } from "./source";
import { WebSocketSource } from "./websocket-source";

let video: ReturnType<typeof fakeVideo>;
let host: { [Name in keyof SourceHost]: ReturnType<typeof vi.fn> };
let source: WebSocketSource;

beforeEach(() => {
  vi.useFakeTimers();
  installFakes();
  video = fakeVideo();
  host = { sourceLive: vi.fn(), sourceOffline: vi.fn(), sourceLost: vi.fn(), sourceFailed: vi.fn(), sourceGone: vi.fn(), sourceAttached: vi.fn() };
  source = new WebSocketSource("ws://h/playout/A/ws", video, host as unknown as SourceHost);
});
afterEach(() => {
  source.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

// live opens the socket and begins a programme.
function live(): void {
  FakeSocket.last.open();
  FakeSocket.last.tell(init);
  FakeSocket.last.tell(bytes(800));
  FakeMediaSource.last.open();
}

it("speaks the subprotocol, and appends init and fragments in order", () => {
  source.start();
  expect(FakeSocket.last.protocol).toBe("meetcast.playout.v1");
  live();
  expect(host.sourceLive).toHaveBeenCalledWith(expect.objectContaining({ width: 640, fps: 30 }));
  const { buffer } = FakeMediaSource.last;
  expect(buffer.appended).toEqual([800]);
  for (const size of [10, 20, 30]) FakeSocket.last.tell(bytes(size));
  expect(buffer.appended).toEqual([800]); // it is busy
  buffer.done();
  expect(buffer.appended).toEqual([800, 60]); // what piled up goes at once
  expect(source.stats().bytes).toBe(860);
});

it("measures the latency from clock and pong", async () => {
  vi.setSystemTime(1_000_000);
  source.start();
  live();
  expect(source.latency()).toBeUndefined();
  const { t } = FakeSocket.last.sent[0] as { t: number };
  vi.setSystemTime(1_000_040);
  FakeSocket.last.tell({ type: "pong", t, at: 5_000_020 }); // the server is 4 000 000 ms ahead
  FakeSocket.last.tell({ type: "clock", media: 10, at: 5_000_000 });
  video.currentTime = 9.5; // captured at 4 999 500
  expect(source.latency()).toBe(540);
});

it("begins a new media source when the broadcast comes back, on the same socket", () => {
  source.start();
  live();
  FakeSocket.last.tell({ type: "offline" });
  expect(host.sourceOffline).toHaveBeenCalledTimes(1);
  FakeSocket.last.tell(bytes(5)); // late
  live();
  expect(FakeMediaSource.all).toHaveLength(2);
  expect(FakeSocket.all).toHaveLength(1);
  expect(host.sourceLive).toHaveBeenCalledTimes(2);
});

it("connects again after a lost socket, for as long as it takes", async () => {
  source.start();
  live();
  for (let i = 1; i <= 10; i++) {
    FakeSocket.last.break();
    expect(host.sourceLost).toHaveBeenCalledTimes(i);
    await vi.advanceTimersByTimeAsync(5000);
    expect(FakeSocket.all).toHaveLength(i + 1);
    live();
  }
  expect(host.sourceFailed).not.toHaveBeenCalled();
});

it("takes a silent server for lost", async () => {
  source.start();
  live();
  await vi.advanceTimersByTimeAsync(6000);
  expect(host.sourceLost).not.toHaveBeenCalled();
  FakeSocket.last.tell({ type: "clock", media: 1, at: 1 });
  await vi.advanceTimersByTimeAsync(6000);
  expect(host.sourceLost).not.toHaveBeenCalled();
  const silent = FakeSocket.last;
  await vi.advanceTimersByTimeAsync(1500);
  expect(host.sourceLost).toHaveBeenCalledTimes(1);
  expect(silent.closed).toBe(true);
});

describe("gives up", () => {
  it("where sockets never open", async () => {
    source.start();
    for (let i = 0; i < 3; i++) {
      expect(host.sourceFailed).not.toHaveBeenCalled();
      FakeSocket.last.break();
      await vi.advanceTimersByTimeAsync(5000);
    }
    expect(host.sourceFailed).toHaveBeenCalledTimes(1);
  });

  it("on codecs that the browser does not play", () => {
    source.start();
    FakeSocket.last.open();
    FakeSocket.last.tell({ ...init, codecs: "hev1.1.6.L93.B0" });
    FakeSocket.last.tell(bytes(800));
    expect(host.sourceFailed).toHaveBeenCalledTimes(1);
  });

  it("when the media fails again and again, not the first time", async () => {
    source.start();
    for (let i = 1; i <= 4; i++) {
      live();
      FakeMediaSource.last.buffer.dispatchEvent(new Event("error"));
      expect(host.sourceFailed).toHaveBeenCalledTimes(i < 4 ? 0 : 1);
      await vi.advanceTimersByTimeAsync(5000);
    }
  });
});

it("keeps memory bounded: trims behind, refuses a stuck buffer", () => {
  source.start();
  live();
  const { buffer } = FakeMediaSource.last;
  buffer.done();
  buffer.ranges = [[0, 30]];
  video.currentTime = 29;
  FakeSocket.last.tell(bytes(10));
  expect(buffer.removed).toEqual([[0, 23]]);
  expect(buffer.appended).toEqual([800]);
  buffer.ranges = [[23, 30]];
  buffer.done();
  expect(buffer.appended).toEqual([800, 10]);
  for (let i = 0; i < 17; i++) FakeSocket.last.tell(bytes(1 << 20)); // it never gets done
  expect(host.sourceLost).toHaveBeenCalledWith("the browser takes no more media");
});

it("goes to the live edge and keeps near it", async () => {
  source.start();
  live();
  await video.play();
  video.ranges = [[100, 101.8]];
  await vi.advanceTimersByTimeAsync(200);
  expect(video.currentTime).toBeGreaterThan(101);
  video.ranges = [[100, video.currentTime + 1.4]];
  await vi.advanceTimersByTimeAsync(200);
  expect(video.playbackRate).toBeGreaterThan(1);
});

it("lets go of everything when it is stopped", async () => {
  source.start();
  live();
  source.stop();
  source.stop();
  expect(FakeSocket.last.closed).toBe(true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(FakeSocket.all).toHaveLength(1);
  expect(vi.getTimerCount()).toBe(0);
});
