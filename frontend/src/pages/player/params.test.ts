import { describe, expect, it } from "vitest";
import { bytesText, latencyText, rateText } from "./format";
import { readPlayerParams } from "./params";
import { Throughput } from "./stats";

describe("readPlayerParams", () => {
  it.each([
    ["?bintu.streamname=AAAAA-BBBBB", { name: "AAAAA-BBBBB", muted: false, autoplay: true, controls: true, source: undefined }],
    ["?h5live.rtmp.streamname=AAAAA-BBBBB&muted", { name: "AAAAA-BBBBB", muted: true }],
    ["?bintu.streamname=A&muted=true&autoplay=0&controls=false&source=hls", { muted: true, autoplay: false, controls: false, source: "hls" }],
    ["?bintu.streamname=A&transport=whep", { source: "whep" }],
    ["?bintu.streamname=A&muted=FALSE&autoplay=1&source=flash", { muted: false, autoplay: true, source: undefined }],
    ["", { name: "" }],
  ])("%s", (search, params) => expect(readPlayerParams(search)).toMatchObject(params));
});

it("writes figures", () => {
  expect(latencyText(undefined)).toBe("");
  expect(latencyText(-20)).toBe("0.0 s");
  expect(latencyText(840)).toBe("0.8 s");
  expect(latencyText(12_300)).toBe("12 s");
  expect(bytesText(4200)).toBe("4 kB");
  expect(bytesText(42_000_000)).toBe("42.0 MB");
  expect(rateText(850_000)).toBe("850 kbit/s");
  expect(rateText(2_540_000)).toBe("2.5 Mbit/s");
});

it("Throughput looks at the last seconds and survives a new source", () => {
  const throughput = new Throughput();
  throughput.add(0, 0);
  expect(throughput.add(1000, 125_000)).toBe(1_000_000);
  for (let t = 2000; t <= 10_000; t += 1000) throughput.add(t, 125_000);
  expect(throughput.add(11_000, 125_000)).toBe(0);
  expect(throughput.add(12_000, 10)).toBe(0);
});
