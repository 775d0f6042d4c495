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
  const control = transceiver as ExtensionControl;
  const known = control.getHeaderExtensionsToNegotiate?.();
  if (!known || !control.setHeaderExtensionsToNegotiate) return;
  control.setHeaderExtensionsToNegotiate(
    known.map((e) => (e.direction === "stopped" && NEEDED.has(e.uri) ? { uri: e.uri, direction: "sendrecv" } : e)),
  );
}
