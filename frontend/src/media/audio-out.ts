import { Emitter } from "../protocol/emitter";

interface AudioOutEvents {
  /** True while the browser wants a tap before it lets anything be heard. */
  blocked: boolean;
}

/** Whether this browser can choose the loudspeaker. */
export const canChooseSpeaker = (): boolean =>
  typeof HTMLMediaElement !== "undefined" && "setSinkId" in HTMLMediaElement.prototype;

/** Plays the audio slots, one <audio> element each, outside of any layout. */
export class AudioOut extends Emitter<AudioOutEvents> {
  readonly #elements = new Map<string, HTMLAudioElement>();
  #sinkId = "";
  #blocked = false;

  constructor(private readonly parent: HTMLElement) {
    super();
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  set(mid: string, stream: MediaStream): void {
    let audio = this.#elements.get(mid);
    if (!audio) {
      audio = document.createElement("audio");
      audio.autoplay = true;
      audio.hidden = true;
      audio.dataset.mid = mid;
      audio.dataset.testid = "remote-audio";
      this.#elements.set(mid, audio);
      this.parent.append(audio);
      this.#route(audio);
    }
    if (audio.srcObject !== stream) audio.srcObject = stream;
    void this.#play(audio);
  }

  /** Plays all again from within a tap. */
  async unblock(): Promise<void> {
    this.#setBlocked(false);
    await Promise.all([...this.#elements.values()].map((audio) => this.#play(audio)));
  }

  async choose(sinkId: string): Promise<void> {
    this.#sinkId = sinkId;
    await Promise.all([...this.#elements.values()].map((audio) => this.#route(audio)));
  }

  close(): void {
    for (const audio of this.#elements.values()) {
      audio.srcObject = null;
      audio.remove();
    }
    this.#elements.clear();
    this.#setBlocked(false);
  }

  async #play(audio: HTMLAudioElement): Promise<void> {
    try {
      await audio.play();
    } catch (err) {
      // AbortError: a new stream came meanwhile and plays by itself.
      if ((err as Error).name === "NotAllowedError") this.#setBlocked(true);
    }
  }

  async #route(audio: HTMLAudioElement): Promise<void> {
    // A loudspeaker that has gone: the default one is better than silence.
    if (canChooseSpeaker()) await audio.setSinkId(this.#sinkId).catch(() => undefined);
  }

  #setBlocked(blocked: boolean): void {
    if (blocked === this.#blocked) return;
    this.#blocked = blocked;
    this.emit("blocked", blocked);
  }
}
