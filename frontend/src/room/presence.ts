import type { Participant, Participants, Source } from "../protocol/messages";

/** Who is in the room, in the order of joining. */
export class Presence {
  #members = new Map<string, Participant>();

  get all(): Participant[] {
    return [...this.#members.values()];
  }

  get(id: string): Participant | undefined {
    return this.#members.get(id);
  }

  reset(participants: Participant[]): void {
    this.#members = new Map(participants.map((p) => [p.id, p]));
  }

  /** Applies a change and tells who really came and went, for announcements. */
  apply(change: Participants): { joined: Participant[]; left: (Participant & { reason: string })[] } {
    const joined: Participant[] = [];
    const left: (Participant & { reason: string })[] = [];
    for (const p of change.joined ?? []) {
      if (!this.#members.has(p.id)) joined.push(p);
      this.#members.set(p.id, p);
    }
    for (const p of change.updated ?? []) if (this.#members.has(p.id)) this.#members.set(p.id, p);
    for (const { id, reason } of change.left ?? []) {
      const p = this.#members.get(id);
      if (!p) continue;
      this.#members.delete(id);
      left.push({ ...p, reason });
    }
    return { joined, left };
  }
}

/** Whether a participant sends a source right now. */
export const sends = (p: Participant, source: Source): boolean => p.sources[source] === "on";

/** Up to two initials for the card of somebody without a picture. */
export function initials(name: string): string {
  const words = name.trim().split(/[\s._-]+/u).filter(Boolean);
  const first = (word: string | undefined) => (word ? [...word][0]! : "");
  const letters = first(words[0]) + (words.length > 1 ? first(words.at(-1)) : "");
  return letters.toLocaleUpperCase() || "?";
}

/** A calm colour of its own for each participant: a hue in degrees. */
export function hue(id: string): number {
  let h = 7;
  for (const c of id) h = (h * 31 + c.codePointAt(0)!) % 0xffff;
  // Steps of the golden angle lie far apart, however alike the ids are.
  return Math.round(h * 137.508) % 360;
}
