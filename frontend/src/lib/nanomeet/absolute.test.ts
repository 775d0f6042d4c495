import { expect, it } from "vitest";
import { absoluteLinks } from "./absolute";

const base = "https://example.com/video";

it("completes paths, and leaves URLs and all else alone", () => {
  const data = {
    status: "live", live: "/p?x=1", vod: "https://cdn.example.org/v.mp4", reason: "/etc", nanoStream: "rtmp://h/live/A",
    playout: { live: "/p" }, playback: { live: "/p", vod: "//other.example/v.mp4" },
  };
  expect(absoluteLinks(data, base)).toEqual({
    ...data, live: `${base}/p?x=1`, playout: { live: `${base}/p` }, playback: { live: `${base}/p`, vod: "//other.example/v.mp4" },
  });
});

it.each([undefined, null, "text", 3, ["/a"]])("passes %j on", (data) => expect(absoluteLinks(data, base)).toEqual(data));
