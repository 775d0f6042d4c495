/**
 * The simulcast encodings of what this page publishes. Layers are named q, h, f
 * (quarter, half, full) by rid (RFC 8851), smallest first, which is the order
 * that Firefox and Chromium agree on.
 */

interface Size {
  width: number;
  height: number;
}

/** The encoding parameters of WebRTC-SVC, too. */
export interface Encoding extends RTCRtpEncodingParameters {
  /** Spatial and temporal layers: "L3T3_KEY" has three of each. */
  scalabilityMode?: string;
}

/** Bits per second that a camera picture of this many pixels is worth at 30 fps. */
export function cameraBitrate({ width, height }: Size): number {
  // Small pictures need more bits a pixel; the exponent fits the usual ladder:
  // 180p 150k, 360p 480k, 720p 1.5M, 1080p 3M.
  const kbit = 150 * ((width * height) / (320 * 180)) ** 0.83;
  return Math.round(Math.min(3000, Math.max(80, kbit))) * 1000;
}

/** Camera layers; a small capture gets fewer, as a tiny layer helps nobody. */
export function cameraEncodings(capture: Size): Encoding[] {
  const short = Math.min(capture.width, capture.height);
  const scales = short >= 600 ? [4, 2, 1] : short >= 300 ? [2, 1] : [1];
  return scales.map((scale) => ({
    ...(scales.length > 1 ? { rid: rids[scale] } : {}),
    active: true,
    scaleResolutionDownBy: scale,
    maxBitrate: cameraBitrate({ width: capture.width / scale, height: capture.height / scale }),
    ...(scale === 4 ? { maxFramerate: 20 } : {}),
  }));
}

const rids: Record<number, string> = { 4: "q", 2: "h", 1: "f" };

/**
 * Screen layers: the full picture, sharp before smooth, and a half-size one for
 * those who see it small or on a narrow line. The temporal layers let the server
 * halve the frames of what scrolls or plays for those who cannot take all.
 */
export function screenEncodings(capture: Size): Encoding[] {
  const full = { active: true, scaleResolutionDownBy: 1, maxBitrate: 2_500_000, maxFramerate: 30, scalabilityMode: "L1T3" };
  if (Math.min(capture.width, capture.height) < 600) return [full];
  return [
    { rid: "h", active: true, scaleResolutionDownBy: 2, maxBitrate: 500_000, maxFramerate: 10, scalabilityMode: "L1T3" },
    { rid: "f", ...full },
  ];
}

/**
 * One encoding with its layers inside (SVC), for codecs that have them: VP9 and
 * AV1. A screen has temporal layers only, for its text has to be sharp.
 */
export function svcEncodings(source: "camera" | "screen", capture: Size): Encoding[] {
  if (source === "screen") return [{ active: true, maxBitrate: 2_500_000, maxFramerate: 30, scalabilityMode: "L1T3" }];
  const short = Math.min(capture.width, capture.height);
  const layers = short >= 600 ? 3 : short >= 300 ? 2 : 1;
  // The layers are coded from each other, which saves a fifth against simulcast.
  return [
    {
      active: true,
      maxBitrate: cameraBitrate(capture),
      scalabilityMode: layers > 1 ? `L${layers}T3_KEY` : "L1T3",
    },
  ];
}
