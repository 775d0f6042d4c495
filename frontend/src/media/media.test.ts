import { describe, expect, it, vi } from "vitest";
import { canShow, codecName, isVideoCodec } from "./codecs";
import { classify, describe as words } from "./devices";
import { cameraBitrate, cameraEncodings, screenEncodings, svcEncodings } from "./encodings";
import { offerExtensions, offerSlotExtensions } from "./extensions";
import { levelOf } from "./level";
import { tuneOpus } from "./sdp";
import { SlotMap } from "./slots";
import { StatsMeter } from "./stats";

describe("camera encodings", () => {
  it.each([
    [1280, 720, ["q", "h", "f"], [4, 2, 1]],
    [720, 1280, ["q", "h", "f"], [4, 2, 1]], // a phone held upright
    [640, 360, ["h", "f"], [2, 1]],
    [320, 180, [undefined], [1]],
  ])("of %ix%i", (width, height, rids, scales) => {
    const layers = cameraEncodings({ width, height });
    expect(layers.map((l) => l.rid)).toEqual(rids);
    expect(layers.map((l) => l.scaleResolutionDownBy)).toEqual(scales);
  });

  it("rise in bitrate with the size, within sense", () => {
    const rates = cameraEncodings({ width: 1280, height: 720 }).map((l) => l.maxBitrate!);
    expect(rates).toEqual([...rates].sort((a, b) => a - b));
    expect(rates[2]).toBeGreaterThan(1_300_000);
    expect(rates[2]).toBeLessThan(1_700_000);
    expect(cameraBitrate({ width: 3840, height: 2160 })).toBe(3_000_000);
    expect(cameraBitrate({ width: 16, height: 16 })).toBe(80_000);
  });
});

describe("screen encodings", () => {
  it("have a half layer only for large screens", () => {
    expect(screenEncodings({ width: 1920, height: 1080 }).map((l) => l.rid)).toEqual(["h", "f"]);
    expect(screenEncodings({ width: 800, height: 400 })).toHaveLength(1);
  });
});

describe("codecs", () => {
  it("are known by their names", () => {
    expect([isVideoCodec("vp9"), isVideoCodec("toString"), isVideoCodec(undefined)]).toEqual([true, false, false]);
    expect([codecName("h264"), codecName("h265")]).toEqual(["H.264", "H265"]);
  });

  it("can be shown where the browser lists them, or lists nothing", () => {
    expect(canShow("av1")).toBe(true);
    vi.stubGlobal("RTCRtpReceiver", { getCapabilities: () => ({ codecs: [{ mimeType: "video/VP8" }] }) });
    expect([canShow("vp8"), canShow("h264")]).toEqual([true, false]);
    vi.unstubAllGlobals();
  });
});

describe("SVC", () => {
  it("has as many layers as the capture is worth", () => {
    const mode = (width: number, height: number) => svcEncodings("camera", { width, height })[0]!.scalabilityMode;
    expect([mode(1280, 720), mode(640, 360), mode(320, 180)]).toEqual(["L3T3_KEY", "L2T3_KEY", "L1T3"]);
    expect(svcEncodings("screen", { width: 1920, height: 1080 })[0]!.scalabilityMode).toBe("L1T3");
  });
});

describe("tuneOpus", () => {
  const answer = [
    "v=0",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "a=mid:0",
    "a=rtpmap:111 opus/48000/2",
    "a=fmtp:111 minptime=10;useinbandfec=1",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "a=mid:1",
    "a=rtpmap:111 opus/48000/2",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "a=mid:2",
    "a=rtpmap:111 opus/48000/2",
    "a=fmtp:111 minptime=10",
    "m=video 9 UDP/TLS/RTP/SAVPF 96",
    "a=mid:3",
    "a=rtpmap:96 VP8/90000",
    "",
  ].join("\r\n");
  const tuned = tuneOpus(answer, [
    { mid: "0", source: "microphone" },
    { mid: "1", source: "screen-audio" },
    { mid: "3", source: "camera" },
  ]);
  const section = (mid: number) => tuned.split(/(?=^m=)/m)[mid + 1]!;

  it("asks for DTX and FEC for speech and keeps what was there", () => {
    expect(section(0)).toContain("a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1;maxaveragebitrate=40000");
  });

  it("adds a line where there was none, stereo for a film", () => {
    expect(section(1)).toMatch(/a=rtpmap:111 opus\/48000\/2\r\na=fmtp:111 stereo=1;sprop-stereo=1;usedtx=0/);
  });

  it("leaves slots and video alone, and the line ends", () => {
    expect(section(2)).toContain("a=fmtp:111 minptime=10\r\n");
    expect(section(3)).toBe("m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:3\r\na=rtpmap:96 VP8/90000\r\n");
    expect(tuneOpus(answer, [])).toBe(answer);
  });
});

describe("offerExtensions", () => {
  it("offers again what Chromium has stopped, and only that", () => {
    const rid = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
    let set: unknown;
    const transceiver = {
      getHeaderExtensionsToNegotiate: () => [
        { uri: rid, direction: "stopped" },
        { uri: "urn:other", direction: "stopped" },
        { uri: "urn:twcc", direction: "sendrecv" },
      ],
      setHeaderExtensionsToNegotiate: (e: unknown) => (set = e),
    } as unknown as RTCRtpTransceiver;
    offerExtensions(transceiver);
    expect(set).toEqual([
      { uri: rid, direction: "sendrecv" },
      { uri: "urn:other", direction: "stopped" },
      { uri: "urn:twcc", direction: "sendrecv" },
    ]);
    offerExtensions({} as RTCRtpTransceiver); // Firefox and Safari
  });

  it("offers dependency descriptors for slots, without which Chromium cannot decode layers of AV1", () => {
    const descriptor = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
    let set: unknown;
    const transceiver = {
      getHeaderExtensionsToNegotiate: () => [
        { uri: descriptor, direction: "stopped" },
        { uri: "urn:other", direction: "stopped" },
      ],
      setHeaderExtensionsToNegotiate: (e: unknown) => (set = e),
    } as unknown as RTCRtpTransceiver;
    offerSlotExtensions(transceiver);
    expect(set).toEqual([
      { uri: descriptor, direction: "sendrecv" },
      { uri: "urn:other", direction: "stopped" },
    ]);
  });
});

describe("SlotMap", () => {
  const track = (kind: string) => ({ kind }) as MediaStreamTrack;
  const map = () => new SlotMap((t) => ({ of: t }) as unknown as MediaStream);

  it("finds a picture whichever comes first, map or track", () => {
    const slots = map();
    slots.setMap([{ mid: "4", kind: "video", participant: "a", source: "camera" }]);
    expect(slots.picture("a", "camera")).toBeUndefined();
    slots.setTrack("4", track("video"));
    expect(slots.picture("a", "camera")).toMatchObject({ mid: "4" });
    expect(slots.picture("a", "screen")).toBeUndefined();
  });

  it("starts a new epoch when the owner changes, and only then", () => {
    const slots = map();
    slots.setTrack("4", track("video"));
    slots.setMap([{ mid: "4", kind: "video", participant: "a", source: "camera" }]);
    const first = slots.picture("a", "camera")!.epoch;
    slots.setMap([{ mid: "4", kind: "video", participant: "a", source: "camera" }]);
    expect(slots.picture("a", "camera")!.epoch).toBe(first);
    slots.setMap([{ mid: "4", kind: "video", participant: "b", source: "camera" }]);
    expect(slots.picture("a", "camera")).toBeUndefined();
    expect(slots.picture("b", "camera")!.epoch).toBeGreaterThan(first);
    slots.setMap([]);
    expect(slots.picture("b", "camera")).toBeUndefined();
  });

  it("lists the audio slots whoever speaks", () => {
    const slots = map();
    slots.setTrack("0", track("audio"));
    slots.setTrack("4", track("video"));
    expect(slots.audio().map((s) => s.mid)).toEqual(["0"]);
  });
});

describe("devices", () => {
  it.each([
    ["NotAllowedError", "denied"],
    ["NotFoundError", "missing"],
    ["OverconstrainedError", "missing"],
    ["NotReadableError", "busy"],
    ["TypeError", "unsupported"],
    ["Surprise", "unknown"],
  ] as const)("%s means %s", (name, problem) => {
    expect(classify({ name })).toBe(problem);
    expect(words(problem, "camera")).toMatch(/camera/);
  });
});

describe("levelOf", () => {
  it("rises from silence to full scale", () => {
    const of = (amplitude: number) => levelOf(new Float32Array([0, amplitude, -amplitude / 2]));
    expect(of(0)).toBe(0);
    expect(of(1)).toBe(1);
    expect(of(0.02)).toBeGreaterThan(0.2); // quiet speech is visible
    expect(of(0.1)).toBeGreaterThan(of(0.02));
  });
});

describe("StatsMeter", () => {
  it("turns counters into rates, loss and path", () => {
    const report = (sent: number, received: number, packets: number, lost: number): [string, unknown][] => [
      ["o", { type: "outbound-rtp", bytesSent: sent }],
      ["i", { type: "inbound-rtp", bytesReceived: received, packetsReceived: packets, packetsLost: lost }],
      ["p", { type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.02, localCandidateId: "l" }],
      ["l", { type: "local-candidate", id: "l", protocol: "udp", candidateType: "host" }],
    ];
    const meter = new StatsMeter();
    expect(meter.summarise(report(1000, 1000, 10, 0), 0)).toMatchObject({ sending: 0, receiving: 0, loss: 0 });
    expect(meter.summarise(report(3000, 2000, 100, 10), 2000)).toEqual({
      sending: 8000,
      receiving: 4000,
      loss: 0.1,
      roundTrip: 20,
      path: "udp",
    });
  });
});
