// @vitest-environment jsdom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { bytes, FakeMediaSource, FakeSocket, fakeVideo, init, installFakes } from "../../tests/player-fakes";
import { Player, type SourceKind } from "./player";
import { stereo } from "./whep-source";

/** A connection whose states and figures a test sets. */
class FakePC {
  static all: FakePC[] = [];
  static get last(): FakePC {
    return FakePC.all.at(-1)!;
  }
  connectionState = "new";
  ontrack: unknown = null;
  onconnectionstatechange: (() => void) | null = null;
  localDescription: { sdp: string } | undefined;
  remote: string | undefined;
  frames = 0;
  made = 0;
  directions: string[] = [];
  constructor() {
    FakePC.all.push(this);
  }
  addTransceiver(kind: string, { direction }: { direction: string }): void {
    this.directions.push(`${kind} ${direction}`);
  }
  async createOffer(): Promise<{ sdp: string }> {
    return { sdp: "offer" };
  }
  async setLocalDescription(offer: { sdp: string }): Promise<void> {
    this.localDescription = offer;
  }
  async setRemoteDescription({ sdp }: { sdp: string }): Promise<void> {
    this.remote = sdp;
  }
  async getStats(): Promise<Map<string, unknown>> {
    return new Map<string, unknown>([
      ["v", { type: "inbound-rtp", kind: "video", bytesReceived: 900, framesDecoded: this.frames, timestamp: Date.now(), estimatedPlayoutTimestamp: this.made }],
      ["a", { type: "inbound-rtp", kind: "audio", bytesReceived: 100 }],
    ]);
  }
  close(): void {
    this.connectionState = "closed";
  }
  become(state: string): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

let video: ReturnType<typeof fakeVideo>;
let player: Player;
let onAir: boolean;
let postStatus: number;
let calls: string[];

beforeEach(() => {
  vi.useFakeTimers();
  installFakes();
  FakePC.all = [];
  calls = [];
  onAir = true;
  postStatus = 201;
  vi.stubGlobal("RTCPeerConnection", FakePC);
  vi.stubGlobal("RTCRtpReceiver", { getCapabilities: () => ({ codecs: [{ mimeType: "video/H264" }] }) });
  vi.stubGlobal("MediaStream", class {});
  vi.stubGlobal("fetch", async (url: string, request?: RequestInit) => {
    const method = request?.method ?? "GET";
    if (method !== "GET") calls.push(`${method} ${url}`);
    if (method === "POST") {
      return new Response("answer", { status: postStatus, headers: { Location: "/whep/session/1" } });
    }
    if (method === "DELETE") return new Response();
    const playout = { name: "A", state: onAir ? "live" : "offline", ws: "/playout/A/ws", hls: "/playout/A/hls/index.m3u8", at: Date.now() + 5000 };
    return new Response(JSON.stringify({ ...playout, ...(onAir && { whep: "/whep/A" }) }));
  });
});
afterEach(() => {
  player.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function start(source?: SourceKind): Promise<void> {
  video = fakeVideo();
  player = new Player({ base: "http://h", name: "A", video, ...(source && { source }) });
  player.play();
  await vi.advanceTimersByTimeAsync(0);
}

async function connect(): Promise<void> {
  FakePC.last.become("connected");
  await vi.advanceTimersByTimeAsync(0);
  video.dispatchEvent(new Event("playing"));
}

it("plays over WebRTC first, and tells how far behind it is", async () => {
  await start();
  expect(calls).toEqual(["POST http://h/whep/A"]);
  expect(FakePC.last.directions).toEqual(["audio recvonly", "video recvonly"]);
  expect(FakePC.last.remote).toBe("answer");
  await connect();
  expect(player.state).toBe("playing");
  FakePC.last.frames = 3;
  FakePC.last.made = Date.now() + 500 + 5000 - 250 + 2_208_988_800_000; // shown at the next look
  await vi.advanceTimersByTimeAsync(500);
  expect(player.stats()).toMatchObject({ source: "whep", bytes: 1000, connects: 1, latencyMs: 250 });
  player.pause();
  expect(calls.at(-1)).toBe("DELETE http://h/whep/session/1");
});

it("turns to the WebSocket where WebRTC does not come through", async () => {
  await start();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(FakePC.all.length).toBe(3);
  expect(player.stats().source).toBe("ws");
  expect(FakeSocket.last.url).toBe("ws://h/playout/A/ws");
});

it("turns to the WebSocket when the server refuses", async () => {
  postStatus = 503;
  await start();
  await vi.advanceTimersByTimeAsync(5000);
  expect(player.stats().source).toBe("ws");
});

it("connects anew when pictures stop, and while it is on air only", async () => {
  await start();
  await connect();
  await vi.advanceTimersByTimeAsync(7000);
  expect(FakePC.all.length).toBe(2);
  await connect();
  onAir = false;
  FakePC.last.become("closed");
  await vi.advanceTimersByTimeAsync(100);
  expect(player.stats().source).toBe("ws");
  FakeSocket.last.open();
  FakeSocket.last.tell({ type: "offline" });
  expect(player.state).toBe("waiting");
  onAir = true;
  FakeSocket.last.tell(init);
  FakeSocket.last.tell(bytes(100));
  FakeMediaSource.last.open();
  await vi.advanceTimersByTimeAsync(0);
  expect(player.stats().source).toBe("whep");
});

it("takes the way that the address names", async () => {
  await start("ws");
  expect(FakePC.all).toHaveLength(0);
  player.close();
  onAir = false;
  await start("whep");
  expect(player.state).toBe("waiting");
  onAir = true;
  await vi.advanceTimersByTimeAsync(2000);
  expect(FakePC.all).toHaveLength(1);
});

it("asks for stereo where Opus is offered", () => {
  const sdp = "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10\r\na=fmtp:63 111/111\r\n";
  expect(stereo(sdp)).toBe("a=rtpmap:111 opus/48000/2\r\na=fmtp:111 stereo=1;minptime=10\r\na=fmtp:63 111/111\r\n");
  expect(stereo("v=0\r\n")).toBe("v=0\r\n");
});
