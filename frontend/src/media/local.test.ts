import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fakeTrack } from "../../tests/fake-peer";
import { LocalMedia } from "./local";

type Ask = { constraints: MediaStreamConstraints; give(t?: MediaStreamTrack): MediaStreamTrack; refuse(name: string): void };
let asks: Ask[];
let local: LocalMedia;
let published: string[];

beforeEach(() => {
  asks = [];
  published = [];
  const ask = (constraints: MediaStreamConstraints) =>
    new Promise((resolve, reject) => {
      asks.push({
        constraints,
        give: (t = fakeTrack(constraints.video ? "video" : "audio")) => {
          resolve({ getTracks: () => [t], getVideoTracks: () => [t], getAudioTracks: () => [] });
          return t;
        },
        refuse: (name) => reject(Object.assign(new Error(name), { name })),
      });
    });
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia: ask, getDisplayMedia: ask } });
  local = new LocalMedia();
  local.on("track", ({ source, track }) => published.push(`${source} ${track ? "track" : "none"}`));
});

afterEach(() => vi.unstubAllGlobals());

const settle = () => new Promise((done) => setTimeout(done));

describe("LocalMedia", () => {
  it("mutes a microphone without letting go of it", async () => {
    const on = local.setMicrophone(true);
    const track = asks[0]!.give();
    await on;
    await local.setMicrophone(false);
    expect([local.state("microphone"), track.enabled]).toEqual(["muted", false]);
    await local.setMicrophone(true);
    expect([local.state("microphone"), track.enabled]).toEqual(["on", true]);
    expect(asks).toHaveLength(1);
    expect(published).toEqual(["microphone track"]);
  });

  it("really stops a camera that is off", async () => {
    const on = local.setCamera(true);
    const track = asks[0]!.give();
    const stop = vi.spyOn(track, "stop");
    await on;
    await local.setCamera(false);
    expect(stop).toHaveBeenCalled();
    expect(local.state("camera")).toBe("off");
    expect(published).toEqual(["camera track", "camera none"]);
  });

  it("obeys a change of mind while the camera starts", async () => {
    const on = local.setCamera(true);
    await local.setCamera(false);
    const track = fakeTrack("video");
    const stop = vi.spyOn(track, "stop");
    asks[0]!.give(track);
    await on;
    expect(stop).toHaveBeenCalled();
    expect(local.state("camera")).toBe("off");
  });

  it("remembers what was wrong until it works", async () => {
    const refused = local.setCamera(true);
    asks[0]!.refuse("NotAllowedError");
    expect(await refused).toBe(false);
    expect(local.problems.camera?.problem).toBe("denied");
    const again = local.setCamera(true);
    asks[1]!.give();
    expect(await again).toBe(true);
    expect(local.problems.camera).toBeUndefined();
  });

  it("takes another device when one vanishes, muted if it was", async () => {
    const on = local.setMicrophone(true);
    const track = asks[0]!.give();
    await on;
    await local.setMicrophone(false);
    (track.onended as () => void)();
    expect(asks).toHaveLength(2);
    const next = asks[1]!.give();
    await settle();
    expect([local.state("microphone"), next.enabled]).toEqual(["muted", false]);
  });

  it("ends sharing when the browser's own bar does", async () => {
    const share = local.shareScreen();
    const track = asks[0]!.give();
    expect(await share).toBe(true);
    expect(track.contentHint).toBe("detail");
    (track.onended as () => void)();
    expect(local.state("screen")).toBe("off");
    expect(published).toEqual(["screen track", "screen none"]);
  });

  it("takes a closed chooser for a no, not for an error", async () => {
    const errors: unknown[] = [];
    local.on("error", (e) => errors.push(e));
    const share = local.shareScreen();
    asks[0]!.refuse("NotAllowedError");
    expect(await share).toBe(false);
    expect([local.state("screen"), errors]).toEqual(["off", []]);
  });

  it("changes a device in place", async () => {
    const on = local.setCamera(true);
    const first = asks[0]!.give();
    const stop = vi.spyOn(first, "stop");
    await on;
    const change = local.choose("camera", "cam-2");
    asks[1]!.give();
    await change;
    expect(stop).toHaveBeenCalled();
    expect(asks[1]!.constraints.video).toMatchObject({ deviceId: { ideal: "cam-2" } });
    expect(published).toEqual(["camera track", "camera track"]);
  });
});
