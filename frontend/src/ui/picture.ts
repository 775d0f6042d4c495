/**
 * Plays a stream in a <video> and knows whether what it holds is really the
 * picture it should be: a slot that changes its owner still shows the last frame
 * of somebody else, and a stream that stalls shows a frozen one.
 */
export class Picture {
  #key = "";
  #fresh = false;
  #frames = 0;
  #movedAt = 0;
  #generation = 0;

  constructor(
    readonly video: HTMLVideoElement,
    private readonly changed: () => void,
  ) {
    video.muted = true;
    video.playsInline = true;
    video.autoplay = true;
  }

  /** True when a frame of the current source has been shown. */
  get fresh(): boolean {
    return this.#fresh;
  }

  /** Shows a stream; `key` names source and epoch, another key waits for a new frame. */
  show(stream: MediaStream, key: string): void {
    if (this.video.srcObject !== stream) {
      this.video.srcObject = stream;
      void this.video.play().catch(() => undefined);
    }
    if (key === this.#key) return;
    this.#key = key;
    this.#setFresh(false);
    this.#await(++this.#generation);
  }

  clear(): void {
    this.#key = "";
    this.#generation++;
    if (this.video.srcObject) this.video.srcObject = null;
    this.#setFresh(false);
  }

  /** True when no new frame was decoded for `ms`; call it now and then. */
  stalled(now: number, ms: number): boolean {
    if (!this.#fresh) return false;
    // Firefox counts no frames of streams: one was shown, and 0 says nothing.
    const frames = this.video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0;
    if (frames !== this.#frames || frames === 0 || document.hidden) {
      this.#frames = frames;
      this.#movedAt = now;
    }
    return now - this.#movedAt > ms;
  }

  #await(generation: number): void {
    const arrived = () => {
      if (generation !== this.#generation) return;
      this.#movedAt = performance.now();
      this.#setFresh(true);
    };
    if (typeof this.video.requestVideoFrameCallback === "function") {
      this.video.requestVideoFrameCallback(arrived);
    } else {
      this.video.addEventListener("timeupdate", arrived, { once: true });
    }
  }

  #setFresh(fresh: boolean): void {
    if (fresh === this.#fresh) return;
    this.#fresh = fresh;
    this.changed();
  }
}
