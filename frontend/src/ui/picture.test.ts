// @vitest-environment jsdom
import { expect, it } from "vitest";
import { Picture } from "./picture";

/** A picture that has shown a frame, of a browser that counts `frames` frames. */
function playing(frames: number): Picture {
  const video = document.createElement("video");
  video.play = async () => undefined;
  Object.assign(video, {
    getVideoPlaybackQuality: () => ({ totalVideoFrames: frames }),
    requestVideoFrameCallback: (shown: () => void) => shown(),
  });
  Object.defineProperty(video, "srcObject", { writable: true, value: null });
  const picture = new Picture(video, () => undefined);
  picture.show({} as MediaStream, "a");
  picture.stalled(performance.now(), 1000);
  return picture;
}

const later = () => performance.now() + 60_000;

it("calls a picture stuck whose frames do not grow", () => {
  expect(playing(7).stalled(later(), 1000)).toBe(true);
});

it("calls no picture stuck where frames of streams are not counted, as in Firefox", () => {
  expect(playing(0).stalled(later(), 1000)).toBe(false);
});
