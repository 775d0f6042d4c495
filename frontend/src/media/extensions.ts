/**
 * RTP header extensions (RFC 8285) that a published track cannot do without:
 * the server tells simulcast layers apart by the stream ids (RFC 8852) and finds
 * the loudest speakers by the audio levels (RFC 6464).
 */
const NEEDED = new Set([
  "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  "urn:ietf:params:rtp-hdrext:sdes:mid",
  "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
  "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
]);

/**
 * What a slot needs beside them: which frames refer to which (dependency
 * descriptor of the AV1 RTP specification). Chromium decodes no AV1 with spatial
 * layers without it, and does not offer it by itself.
 */
const NEEDED_BY_SLOTS = new Set(["https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"]);

interface HeaderExtension {
  uri: string;
  direction: RTCRtpTransceiverDirection;
}

/** Of WebRTC Extensions; no browser but Chromium has it so far. */
interface ExtensionControl {
  getHeaderExtensionsToNegotiate?(): HeaderExtension[];
  setHeaderExtensionsToNegotiate?(extensions: HeaderExtension[]): void;
}

/**
 * Makes the next offer contain these extensions. Chromium does not offer again
 * for a new m-line what an answer to an earlier one has left out, and an answer
 * to a slot leaves out what only senders need. Other browsers always offer.
 */
export function offerExtensions(transceiver: RTCRtpTransceiver): void {
  offer(transceiver, NEEDED);
}

/** Makes the next offer of a slot for pictures contain what layers need. */
export function offerSlotExtensions(transceiver: RTCRtpTransceiver): void {
  offer(transceiver, NEEDED_BY_SLOTS);
}

function offer(transceiver: RTCRtpTransceiver, needed: Set<string>): void {
  const control = transceiver as ExtensionControl;
  const known = control.getHeaderExtensionsToNegotiate?.();
  if (!known || !control.setHeaderExtensionsToNegotiate) return;
  control.setHeaderExtensionsToNegotiate(
    known.map((e) => (e.direction === "stopped" && needed.has(e.uri) ? { uri: e.uri, direction: "sendrecv" } : e)),
  );
}
