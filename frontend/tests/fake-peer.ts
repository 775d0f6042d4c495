/** Stand-ins for the WebRTC classes of a browser, as far as Peer uses them. */

export class FakeTransceiver {
  mid: string | null = null;
  stopped = false;
  readonly sender: {
    track: unknown;
    replaceTrack(t: unknown): Promise<void>;
    getParameters(): { encodings: RTCRtpEncodingParameters[] };
    setParameters(p: { encodings: RTCRtpEncodingParameters[] }): Promise<void>;
  };
  encodings: RTCRtpEncodingParameters[];
  preferred: string[] = [];

  constructor(
    readonly kind: string,
    readonly init: RTCRtpTransceiverInit,
    track: unknown,
  ) {
    this.encodings = structuredClone(init.sendEncodings ?? []);
    this.sender = {
      track,
      getParameters: () => ({ encodings: structuredClone(this.encodings) }),
      setParameters: (p) => {
        this.encodings = p.encodings;
        return Promise.resolve();
      },
      replaceTrack(t) {
        this.track = t;
        return Promise.resolve();
      },
    };
  }

  stop(): void {
    this.stopped = true;
  }

  setCodecPreferences(codecs: { mimeType: string }[]): void {
    this.preferred = codecs.map((c) => c.mimeType);
  }
}

export class FakePeerConnection {
  static all: FakePeerConnection[] = [];
  static get last(): FakePeerConnection {
    return FakePeerConnection.all.at(-1)!;
  }

  transceivers: FakeTransceiver[] = [];
  connectionState = "new";
  signalingState = "stable";
  refuseLocal = false;
  localDescription: { sdp: string } | null = null;
  remote: string[] = [];
  remoteDescription: { sdp: string } | null = null;
  rollbacks = 0;
  restarts = 0;
  closed = false;
  ontrack: ((e: unknown) => void) | null = null;
  onicecandidate: ((e: unknown) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;

  constructor(public configuration: RTCConfiguration = {}) {
    FakePeerConnection.all.push(this);
  }

  setConfiguration(c: RTCConfiguration): void {
    this.configuration = c;
  }

  addTransceiver(what: string | { kind: string }, init: RTCRtpTransceiverInit): FakeTransceiver {
    const t = new FakeTransceiver(typeof what === "string" ? what : what.kind, init, typeof what === "string" ? null : what);
    this.transceivers.push(t);
    return t;
  }

  setLocalDescription(d?: { type: string }): Promise<void> {
    if (d?.type === "rollback") {
      this.rollbacks++;
      this.signalingState = "stable";
      return Promise.resolve();
    }
    const lines = this.transceivers.filter((t) => !t.stopped);
    if (this.refuseLocal && lines.some((t) => t.init.direction === "sendonly")) return Promise.reject(new Error("simulcast"));
    lines.forEach((t) => (t.mid = String(this.transceivers.indexOf(t))));
    this.localDescription = { sdp: `offer of ${this.transceivers.length}` };
    this.signalingState = "have-local-offer";
    return Promise.resolve();
  }

  setRemoteDescription(d: { sdp: string }): Promise<void> {
    this.remote.push(d.sdp);
    this.signalingState = "stable";
    for (const t of this.transceivers) {
      if (t.init.direction === "recvonly") this.ontrack?.({ transceiver: t, track: { kind: t.kind, id: t.mid } });
    }
    return Promise.resolve();
  }

  restartIce(): void {
    this.restarts++;
  }

  getStats(): Promise<Map<string, unknown>> {
    return Promise.resolve(new Map());
  }

  close(): void {
    this.closed = true;
  }

  become(state: string): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

export const fakeTrack = (kind: "audio" | "video", settings: MediaTrackSettings = {}) =>
  ({ kind, enabled: true, onended: null, stop() {}, getSettings: () => settings }) as unknown as MediaStreamTrack;
