/**
 * How far behind the room the player is, and what to do about it. Pure: time is
 * an input, nothing here touches the page.
 */

/** ClockOffset estimates server time − own time from ping and pong (as NTP does). */
export class ClockOffset {
  /** The newest round trips; the shortest tells the time best. */
  #samples: { trip: number; offset: number }[] = [];

  /** add takes one exchange, all in ms: sent and received by our clock, server by the server's. */
  add(sent: number, server: number, received: number): void {
    const trip = received - sent;
    if (!(trip >= 0) || !Number.isFinite(server)) return;
    this.#samples.push({ trip, offset: server - (sent + received) / 2 });
    if (this.#samples.length > 8) this.#samples.shift();
  }

  /** ms to add to our clock to get the server's; undefined until the first exchange. */
  get value(): number | undefined {
    let best: { trip: number; offset: number } | undefined;
    for (const sample of this.#samples) if (!best || sample.trip <= best.trip) best = sample;
    return best?.offset;
  }
}

/** MediaClock maps media time to the server's wall clock. */
export class MediaClock {
  #mark: { media: number; at: number } | undefined;

  /** mark says that media time (s) was captured at wall time (Unix ms). */
  mark(media: number, at: number): void {
    if (Number.isFinite(media) && Number.isFinite(at)) this.#mark = { media, at };
  }

  reset(): void {
    this.#mark = undefined;
  }

  /** capturedAt gives the wall time (Unix ms) of a media time (s). */
  capturedAt(media: number): number | undefined {
    return this.#mark && this.#mark.at + (media - this.#mark.media) * 1000;
  }
}

/** A stretch of buffered media, in s. */
export interface Range {
  start: number;
  end: number;
}

/** What Steering looks at. */
export interface Situation {
  /** ms, any monotonic clock. */
  now: number;
  /** Media time shown, s. */
  position: number;
  /** Buffered media, in order. */
  ranges: Range[];
  /** False while the element waits for data. */
  moving: boolean;
}

/** What Steering wants. */
export interface Wish {
  /** playbackRate. */
  rate: number;
  /** Media time to jump to, s. */
  seek?: number;
}

/** Constants of Steering. Times in s. */
export interface SteeringOptions {
  /** Buffer ahead to aim at. */
  target: number;
  /** The most that stalls may raise the target to. */
  maxTarget: number;
  /** Above target + slack the player speeds up, until it is at the target. */
  slack: number;
  /** Further behind than target + jump it jumps. */
  jump: number;
  /** Fastest rate: faster is heard. */
  maxRate: number;
}

export const defaultSteering: SteeringOptions = { target: 0.35, maxTarget: 2, slack: 0.12, jump: 2, maxRate: 1.15 };

/** A stall raises the target by this, s. */
const raise = 0.2;
/** After this long without a stall the target comes down again, ms … */
const calm = 20_000;
/** … by this, s. */
const relax = 0.1;
/** Ranges closer than this are one, s: encoders leave holes of a rounding error. */
const seam = 0.05;
/** Gaps are jumped when less than this is left before them, s. */
const edge = 0.12;

/**
 * Steering keeps the player near the live edge: a little fast when behind,
 * a little slow when about to run dry, a jump when far behind or at a gap.
 * Each stall raises the target, calm lowers it again.
 */
export class Steering {
  readonly #options: SteeringOptions;
  #target: number;
  #chasing = false;
  #changed = 0;
  #moved = false;

  constructor(options: Partial<SteeringOptions> = {}) {
    this.#options = { ...defaultSteering, ...options };
    this.#target = this.#options.target;
  }

  /** Buffer ahead that is aimed at now, s. */
  get target(): number {
    return this.#target;
  }

  /** restart forgets that media ever moved: what follows is a start, not a stall. */
  restart(): void {
    this.#moved = false;
    this.#chasing = false;
  }

  /** step decides once; call it a few times a second. */
  step(situation: Situation): Wish {
    const ranges = merge(situation.ranges);
    const last = ranges.at(-1);
    if (!last) return { rate: 1 };
    this.#adapt(situation);
    const ahead = last.end - situation.position;
    if (ahead > this.#target + this.#options.jump) return { rate: 1, seek: this.#edgeOf(last) };
    const hole = this.#overGap(situation, ranges);
    if (hole !== undefined) return { rate: 1, seek: hole };
    return { rate: this.#rate(ahead, situation.moving) };
  }

  // edgeOf is where to play in the newest range.
  #edgeOf(last: Range): number {
    return Math.max(last.start, last.end - this.#target);
  }

  #overGap({ position, moving }: Situation, ranges: Range[]): number | undefined {
    const here = ranges.find((range) => position >= range.start - seam && position <= range.end + seam);
    if (!here) return this.#edgeOf(ranges.at(-1)!);
    const next = ranges.find((range) => range.start > here.end);
    if (next && !moving && here.end - position < edge) return next.start;
    return undefined;
  }

  #rate(ahead: number, moving: boolean): number {
    const { slack, maxRate, jump } = this.#options;
    const over = ahead - this.#target;
    if (over > slack) this.#chasing = true;
    if (over <= 0.02) this.#chasing = false;
    if (this.#chasing) {
      const rate = 1.05 + (maxRate - 1.05) * Math.min(1, Math.max(0, (over - slack) / Math.min(1, jump)));
      return Math.round(rate * 100) / 100;
    }
    return moving && ahead < this.#target * 0.3 ? 0.96 : 1;
  }

  #adapt({ now, moving }: Situation): void {
    const stalled = this.#moved && !moving;
    this.#moved = moving;
    if (stalled) {
      this.#target = Math.min(this.#options.maxTarget, this.#target + raise);
      this.#changed = now;
    } else if (now - this.#changed > calm) {
      this.#target = Math.max(this.#options.target, this.#target - relax);
      this.#changed = now;
    }
  }
}

/** merge joins ranges that touch. */
function merge(ranges: Range[]): Range[] {
  const out: Range[] = [];
  for (const range of ranges) {
    const last = out.at(-1);
    if (last && range.start - last.end < seam) last.end = Math.max(last.end, range.end);
    else out.push({ ...range });
  }
  return out;
}
