import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakePeerConnection, fakeTrack } from "../../tests/fake-peer";
import type { TrackLine } from "../protocol/messages";
import type { VideoCodec } from "./codecs";
import { Peer } from "./peer";

interface Offer {
  sdp: string;
  tracks: TrackLine[];
  answer(sdp?: string): void;
  refuse(): void;
}

let offers: Offer[];
let peer: Peer;
let make: (codec?: VideoCodec) => Peer;
let pc: FakePeerConnection;
let errors: Error[];

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("RTCPeerConnection", FakePeerConnection);
  offers = [];
  errors = [];
  make = (codec) => new Peer({
    ...(codec ? { codec } : {}),
    iceServers: [],
    audioSlots: 3,
    maxVideoSlots: 20,
    signaling: {
      negotiate: (sdp, tracks) =>
        new Promise((resolve, reject) => {
          offers.push({ sdp, tracks, answer: (s = "answer") => resolve(s), refuse: () => reject(new Error("no")) });
        }),
      sendCandidate: () => undefined,
    },
  });
  peer = make();
  pc = FakePeerConnection.last;
  peer.on("error", (e) => errors.push(e));
});

afterEach(() => {
  peer.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const relay = { urls: ["turn:meet.test:3478?transport=udp"], username: "u", credential: "c" };
const stun = { urls: ["stun:meet.test"] };
const makePeer = (relayOnly = false) => {
  peer.close();
  peer = new Peer({
    iceServers: [stun, relay],
    audioSlots: 1,
    maxVideoSlots: 4,
    relayOnly,
    signaling: {
      negotiate: (sdp, tracks) => new Promise((resolve) => offers.push({ sdp, tracks, answer: () => resolve("answer"), refuse: () => undefined })),
      sendCandidate: () => undefined,
    },
  });
  offers = [];
  return FakePeerConnection.last;
};

const settle = () => vi.advanceTimersByTimeAsync(0);
const slots = () => pc.transceivers.filter((t) => t.init.direction === "recvonly");

describe("Peer", () => {
  it("asks for its slots and publishes in one offer", async () => {
    await peer.publish("microphone", fakeTrack("audio"));
    await peer.publish("camera", fakeTrack("video", { width: 1280, height: 720 }));
    await settle();
    expect(offers).toHaveLength(1);
    expect(slots().map((t) => t.kind)).toEqual(["audio", "audio", "audio", "video", "video", "video", "video"]);
    expect(offers[0]!.tracks).toEqual([
      { mid: "7", source: "microphone" },
      { mid: "8", source: "camera" },
    ]);
    expect(pc.transceivers[8]!.init.sendEncodings!.map((e) => e.rid)).toEqual(["q", "h", "f"]);
  });

  it("tells of each slot's track", async () => {
    const seen: string[] = [];
    peer.on("slot", ({ mid, track }) => seen.push(`${mid} ${track.kind}`));
    await settle();
    offers[0]!.answer();
    await settle();
    expect(seen).toEqual(["0 audio", "1 audio", "2 audio", "3 video", "4 video", "5 video", "6 video"]);
  });

  it("merges what comes while an offer is under way into the next one", async () => {
    await settle();
    await peer.publish("camera", fakeTrack("video"));
    peer.ensureVideoSlots(9);
    await settle();
    expect(offers).toHaveLength(1);
    offers[0]!.answer();
    await settle();
    expect(offers).toHaveLength(2);
    offers[1]!.answer();
    await settle();
    expect(offers).toHaveLength(2);
  });

  it("grows its slots in steps, up to the server's limit, and never shrinks", async () => {
    const count = () => slots().filter((t) => t.kind === "video").length;
    const counts = [1, 4, 5, 10, 3, 17, 49].map((n) => {
      peer.ensureVideoSlots(n);
      return count();
    });
    expect(counts).toEqual([4, 4, 9, 16, 16, 20, 20]);
  });

  it("replaces the track of a source without an offer", async () => {
    await peer.publish("camera", fakeTrack("video"));
    await settle();
    offers[0]!.answer();
    await settle();
    await peer.publish("camera", null);
    const other = fakeTrack("video");
    await peer.publish("camera", other);
    await settle();
    expect(offers).toHaveLength(1);
    expect(pc.transceivers.at(-1)!.sender.track).toBe(other);
  });

  it("rolls back a refused offer and can offer again", async () => {
    await settle();
    offers[0]!.refuse();
    await settle();
    expect(pc.rollbacks).toBe(1);
    expect(errors).toHaveLength(1);
    peer.negotiate();
    await settle();
    expect(offers).toHaveLength(2);
  });

  it("gives up a track that the browser cannot offer, and negotiates the rest", async () => {
    pc.refuseLocal = true;
    await peer.publish("screen", fakeTrack("video"));
    await settle();
    expect(errors).toHaveLength(1);
    expect(offers).toHaveLength(1);
    expect(offers[0]!.tracks).toEqual([]);
    pc.refuseLocal = false;
    offers[0]!.answer();
    await peer.publish("screen", fakeTrack("video"));
    await settle();
    expect(offers.at(-1)!.tracks.map((t) => t.source)).toEqual(["screen"]);
  });

  it("restarts ICE at once when it failed, later when it may heal", async () => {
    pc.become("failed");
    await vi.advanceTimersByTimeAsync(1);
    expect(pc.restarts).toBe(1);
    pc.become("disconnected");
    await vi.advanceTimersByTimeAsync(1900);
    expect(pc.restarts).toBe(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(pc.restarts).toBe(2);
    await vi.advanceTimersByTimeAsync(5000); // and again, as long as it takes
    expect(pc.restarts).toBe(3);
    pc.become("connected");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(pc.restarts).toBe(3);
  });

  it("keeps a path that still brings something, and leaves one that does not", async () => {
    let bytes = 0;
    pc.getStats = () => Promise.resolve(new Map([["p", { type: "candidate-pair", bytesReceived: (bytes += 100) }]]));
    void peer.doubt();
    await vi.advanceTimersByTimeAsync(700);
    expect(pc.restarts).toBe(0);
    pc.getStats = () => Promise.resolve(new Map([["p", { type: "candidate-pair", bytesReceived: bytes }]]));
    void peer.doubt();
    await vi.advanceTimersByTimeAsync(700);
    expect(pc.restarts).toBe(1);
  });

  it("does nothing after it was closed", async () => {
    await settle();
    peer.close();
    offers[0]!.answer();
    await settle();
    peer.restartIce();
    await peer.publish("camera", fakeTrack("video"));
    await settle();
    expect(pc.remote).toEqual([]);
    expect(offers).toHaveLength(1);
  });
});

describe("layers", () => {
  const active = () => pc.transceivers.at(-1)!.encodings.map((e) => e.active);

  it("sends what is watched, and all of it again at once, without an offer", async () => {
    await peer.publish("camera", fakeTrack("video", { width: 1280, height: 720 }));
    await settle();
    await peer.setLayers("camera", ["q"]);
    expect(active()).toEqual([true, false, false]);
    void peer.setLayers("camera", []);
    await peer.setLayers("camera", ["q", "f"]); // the newest counts
    expect(active()).toEqual([true, false, true]);
    await peer.setLayers("camera", []);
    expect(active()).toEqual([false, false, false]);
    expect(offers).toHaveLength(1);
  });

  it("pauses a source of one encoding, whatever its name", async () => {
    await peer.publish("camera", fakeTrack("video", { width: 320, height: 180 }));
    await peer.setLayers("camera", []);
    expect(active()).toEqual([false]);
    await peer.setLayers("camera", [""]);
    expect(active()).toEqual([true]);
  });

  it("lives without what a browser refuses, and without the source", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    await peer.setLayers("screen", []);
    await peer.publish("camera", fakeTrack("video"));
    pc.transceivers.at(-1)!.sender.setParameters = () => Promise.reject(new Error("no"));
    await peer.setLayers("camera", []);
    expect(active()).toEqual([true, true, true]);
    expect(warn).toHaveBeenCalledOnce();
  });
});

describe("the codec", () => {
  const codecs = ["video/VP8", "video/rtx", "video/H264", "video/VP9"].map((mimeType) => ({ mimeType }));
  const published = async (codec?: VideoCodec) => {
    const p = make(codec);
    await p.publish("camera", fakeTrack("video", { width: 1280, height: 720 }));
    p.close();
    return FakePeerConnection.last.transceivers.filter((t) => !t.stopped).at(-1)!;
  };

  beforeEach(() => vi.stubGlobal("RTCRtpSender", { getCapabilities: () => ({ codecs }) }));

  it("is the browser's choice", async () => {
    expect((await published()).preferred).toEqual([]);
  });

  it("comes first when it is wanted", async () => {
    const t = await published("h264");
    expect(t.preferred).toEqual(["video/H264", "video/VP8", "video/rtx", "video/VP9"]);
    expect(t.encodings).toHaveLength(3);
  });

  it("has its layers in one encoding where it can", async () => {
    const t = await published("vp9");
    expect(t.preferred[0]).toBe("video/VP9");
    expect(t.encodings).toMatchObject([{ scalabilityMode: "L3T3_KEY" }]);
  });

  it("falls back to simulcast of what the browser has", async () => {
    const t = await published("av1");
    expect(t.preferred).toEqual([]);
    expect(t.encodings.map((e) => e.rid)).toEqual(["q", "h", "f"]);
  });
});

describe("Peer and relays", () => {
  it("tries relays only when the direct ways had their time", async () => {
    const pc = makePeer();
    expect(pc.configuration.iceServers).toEqual([stun]);
    expect(peer.relays).toBe("later");
    await settle();
    offers[0]!.answer();
    await settle();
    await vi.advanceTimersByTimeAsync(3000);
    expect(peer.relays).toBe("tried");
    expect(pc.configuration.iceServers).toEqual([stun, relay]);
    expect(pc.restarts).toBe(1);
    expect(offers).toHaveLength(2);
  });

  it("leaves relays alone when a direct way works", async () => {
    const pc = makePeer();
    await settle();
    offers[0]!.answer();
    await settle();
    pc.become("connected");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(pc.configuration.iceServers).toEqual([stun]);
    expect(pc.restarts).toBe(0);
  });

  it("takes relays along when a connection that worked is lost, with fresh credentials", async () => {
    const pc = makePeer();
    await settle();
    offers[0]!.answer();
    await settle();
    pc.become("connected");
    const fresh = { ...relay, credential: "fresh" };
    peer.setServers([stun, fresh]);
    expect(pc.configuration.iceServers).toEqual([stun]);
    pc.become("failed");
    await vi.advanceTimersByTimeAsync(100);
    expect(pc.configuration.iceServers).toEqual([stun, fresh]);
    expect(pc.restarts).toBe(1);
  });

  it("can be told to use relays alone", () => {
    const pc = makePeer(true);
    expect(pc.configuration.iceTransportPolicy).toBe("relay");
    expect(pc.configuration.iceServers).toEqual([stun, relay]);
  });
});
