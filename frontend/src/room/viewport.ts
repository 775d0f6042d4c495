import type { Want } from "../protocol/messages";

/** At most one message in this time, ms: a window that is dragged asks only now and then. */
const EVERY = 250;

/**
 * Tells the server what the page shows. The first change goes out at once, so
 * that a new participant appears without delay; a run of changes is merged.
 */
export class Viewport {
  #wants: Want[] | undefined; // until the first layout
  #sent = "";
  #last = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly send: (wants: Want[]) => boolean,
    private readonly now: () => number = () => performance.now(),
  ) {}

  set(wants: Want[]): void {
    this.#wants = wants;
    if (this.#timer !== undefined) return;
    const wait = this.#last + EVERY - this.now();
    if (wait <= 0) this.#flush();
    else this.#timer = setTimeout(() => this.#flush(), wait);
  }

  /** Sends all again: the server has forgotten, as after a new join. */
  repeat(): void {
    this.#sent = "";
    this.#flush();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #flush(): void {
    this.close();
    if (!this.#wants) return;
    const text = JSON.stringify(this.#wants);
    if (text === this.#sent || !this.send(this.#wants)) return;
    this.#sent = text;
    this.#last = this.now();
  }
}

/**
 * The size to ask for: device pixels in steps, so that a few pixels more or less
 * do not make the server think again.
 */
export function wantedSize(box: { width: number; height: number }, ratio: number): { width: number; height: number } {
  const step = (v: number) => Math.max(16, Math.ceil((v * ratio) / 16) * 16);
  return { width: step(box.width), height: step(box.height) };
}
