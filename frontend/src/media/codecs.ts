/** The video codecs of a room, as the server and the address of the page name them. */
export type VideoCodec = "vp8" | "h264" | "vp9" | "av1";

const NAMES: Record<VideoCodec, string> = { vp8: "VP8", h264: "H.264", vp9: "VP9", av1: "AV1" };

export const isVideoCodec = (v: unknown): v is VideoCodec => typeof v === "string" && Object.hasOwn(NAMES, v);

/** The name of a codec for people. */
export const codecName = (codec: string): string => (isVideoCodec(codec) ? NAMES[codec] : codec.toUpperCase());

interface Capabilities {
  getCapabilities?(kind: string): { codecs: { mimeType: string }[] } | null;
}

/** What a browser can show never changes, and every tile asks. */
const shown = new WeakMap<Capabilities, { mimeType: string }[]>();

/** Whether this browser can show a codec; yes where it does not tell. */
export function canShow(codec: string): boolean {
  const receiver = (globalThis as { RTCRtpReceiver?: Capabilities }).RTCRtpReceiver;
  if (!receiver) return true;
  let codecs = shown.get(receiver);
  if (!codecs) shown.set(receiver, (codecs = receiver.getCapabilities?.("video")?.codecs ?? []));
  return codecs.length === 0 || codecs.some((c) => is(c, codec));
}

/**
 * Puts a codec first in the next offer of a sender. Without it, or in a browser
 * that cannot send it, the browser's own order stays.
 */
export function prefer(transceiver: RTCRtpTransceiver, codec: VideoCodec): boolean {
  const sender = (globalThis as { RTCRtpSender?: Capabilities }).RTCRtpSender;
  const codecs = sender?.getCapabilities?.("video")?.codecs ?? [];
  if (!codecs.some((c) => is(c, codec)) || !transceiver.setCodecPreferences) return false;
  const first = codecs.filter((c) => is(c, codec));
  try {
    transceiver.setCodecPreferences([...first, ...codecs.filter((c) => !is(c, codec))] as RTCRtpCodec[]);
    return true;
  } catch {
    return false;
  }
}

const is = (c: { mimeType: string }, codec: string) => c.mimeType.toLowerCase() === `video/${codec}`;
