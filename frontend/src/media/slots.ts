import type { Slot, VideoSource } from "../protocol/messages";

/** The picture of one source in one slot. */
export interface SlotPicture {
  mid: string;
  stream: MediaStream;
  /**
   * Grows each time the slot takes another source: until a new frame arrives,
   * the video element still holds the picture of somebody else.
   */
  epoch: number;
  /** What it is encoded with, as far as the server told. */
  codec?: string;
}

interface Entry {
  codec?: string | undefined;
  stream?: MediaStream;
  kind?: "audio" | "video";
  owner?: string;
  epoch: number;
}

/**
 * Ties the slots (recvonly m-lines) to the participants they carry at the
 * moment. The map comes by signaling and the tracks by WebRTC, in any order.
 */
export class SlotMap {
  readonly #entries = new Map<string, Entry>();

  constructor(private readonly newStream = (track: MediaStreamTrack) => new MediaStream([track])) {}

  setTrack(mid: string, track: MediaStreamTrack): void {
    const entry = this.#entry(mid);
    entry.stream = this.newStream(track);
    entry.kind = track.kind as "audio" | "video";
  }

  /** Takes over the whole map. */
  setMap(slots: Slot[]): void {
    const seen = new Set<string>();
    for (const slot of slots) {
      seen.add(slot.mid);
      const entry = this.#entry(slot.mid);
      const owner = slot.participant ? key(slot.participant, slot.source ?? "") : undefined;
      if (owner !== entry.owner) {
        entry.owner = owner;
        entry.epoch++;
      }
      entry.codec = slot.codec;
    }
    for (const [mid, entry] of this.#entries) if (!seen.has(mid)) entry.owner = undefined;
  }

  /** The picture of a participant's source, if a slot carries it. */
  picture(participant: string, source: VideoSource): SlotPicture | undefined {
    const owner = key(participant, source);
    for (const [mid, entry] of this.#entries) {
      if (entry.owner === owner && entry.stream && entry.kind === "video") {
        return { mid, stream: entry.stream, epoch: entry.epoch, ...(entry.codec ? { codec: entry.codec } : {}) };
      }
    }
    return undefined;
  }

  /** The streams of all audio slots, whoever is heard in them. */
  audio(): { mid: string; stream: MediaStream }[] {
    return [...this.#entries]
      .filter(([, entry]) => entry.kind === "audio" && entry.stream)
      .map(([mid, entry]) => ({ mid, stream: entry.stream! }));
  }

  #entry(mid: string): Entry {
    let entry = this.#entries.get(mid);
    if (!entry) this.#entries.set(mid, (entry = { epoch: 0 }));
    return entry;
  }
}

const key = (participant: string, source: string) => `${participant}/${source}`;
