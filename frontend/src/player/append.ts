/** Appender feeds one SourceBuffer in order, with bounded memory. */

/** Media kept behind the position, s. */
const keepBehind = 6;
/** Trimming starts when more than this lies behind, s. */
const trimAbove = 12;
/** Media waiting for the SourceBuffer, bytes; more means that it is stuck. */
const maxQueued = 16 << 20;

/** AppendHost is told when feeding cannot go on. */
export interface AppendHost {
  appendFailed(reason: string): void;
}

export class Appender {
  readonly #buffer: SourceBuffer;
  readonly #video: HTMLVideoElement;
  readonly #host: AppendHost;
  #queue: BufferSource[] = [];
  #queued = 0;
  #closed = false;

  constructor(buffer: SourceBuffer, video: HTMLVideoElement, host: AppendHost) {
    this.#buffer = buffer;
    this.#video = video;
    this.#host = host;
    buffer.addEventListener("updateend", this.#pump);
    buffer.addEventListener("error", this.#broken);
  }

  close(): void {
    this.#closed = true;
    this.#queue = [];
    this.#buffer.removeEventListener("updateend", this.#pump);
    this.#buffer.removeEventListener("error", this.#broken);
  }

  append(data: ArrayBuffer): void {
    if (this.#closed) return;
    this.#queue.push(data);
    this.#queued += data.byteLength;
    if (this.#queued > maxQueued) this.#fail("the browser takes no more media");
    else this.#pump();
  }

  readonly #pump = (): void => {
    if (this.#closed || this.#buffer.updating) return;
    try {
      if (this.#trim(keepBehind, trimAbove) || this.#queue.length === 0) return;
      const data = this.#take();
      this.#buffer.appendBuffer(data);
    } catch (error) {
      this.#refused(error);
    }
  };

  // take joins what has piled up: one append costs more than a copy.
  #take(): BufferSource {
    const parts = this.#queue;
    this.#queue = [];
    this.#queued = 0;
    if (parts.length === 1) return parts[0]!;
    const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
    let at = 0;
    for (const part of parts) {
      joined.set(new Uint8Array(part as ArrayBuffer), at);
      at += part.byteLength;
    }
    return joined;
  }

  // trim removes what was shown long ago; true when a removal has begun.
  #trim(keep: number, above: number): boolean {
    const { buffered } = this.#buffer;
    if (buffered.length === 0) return false;
    const start = buffered.start(0);
    const position = this.#video.currentTime;
    if (position - start < above) return false;
    this.#buffer.remove(start, position - keep);
    return true;
  }

  #refused(error: unknown): void {
    const full = error instanceof DOMException && error.name === "QuotaExceededError";
    this.#fail(full ? "the browser's media memory is full" : `the browser refused the media (${String(error)})`);
  }

  readonly #broken = (): void => this.#fail("the browser could not read the media");

  #fail(reason: string): void {
    if (this.#closed) return;
    this.close();
    this.#host.appendFailed(reason);
  }
}
