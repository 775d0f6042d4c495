import { Appender } from "./append";
import { mediaSourceClass, mimeOf } from "./mse";

/** FeedHost is told when the media cannot be played. */
export interface FeedHost {
  feedFailed(reason: string): void;
}

/**
 * MediaFeed plays one fMP4 programme, from its init segment on, in a video
 * element. A new programme, whose timestamps start anew, takes a new feed.
 */
export class MediaFeed {
  readonly #video: HTMLVideoElement;
  readonly #host: FeedHost;
  readonly #media: MediaSource;
  readonly #url: string;
  readonly #mime: string;
  /** Arrived before the media source was open. */
  #early: ArrayBuffer[] = [];
  #appender: Appender | undefined;
  #closed = false;

  constructor(video: HTMLVideoElement, codecs: string, host: FeedHost) {
    const MediaSourceClass = mediaSourceClass();
    if (!MediaSourceClass) throw new Error("this browser has no media source");
    this.#video = video;
    this.#host = host;
    this.#mime = mimeOf(codecs);
    this.#media = new MediaSourceClass();
    this.#media.addEventListener("sourceopen", this.#open, { once: true });
    this.#url = URL.createObjectURL(this.#media);
    video.disableRemotePlayback = true; // a managed source demands it
    video.addEventListener("error", this.#broken);
    video.src = this.#url;
  }

  /** append takes the init segment first, then fragments. */
  append(data: ArrayBuffer): void {
    if (this.#closed) return;
    if (this.#appender) this.#appender.append(data);
    else this.#early.push(data);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#early = [];
    this.#appender?.close();
    this.#media.removeEventListener("sourceopen", this.#open);
    this.#video.removeEventListener("error", this.#broken);
    URL.revokeObjectURL(this.#url);
  }

  readonly #open = (): void => {
    if (this.#closed) return;
    URL.revokeObjectURL(this.#url);
    try {
      const buffer = this.#media.addSourceBuffer(this.#mime);
      this.#appender = new Appender(buffer, this.#video, { appendFailed: (reason) => this.#fail(reason) });
    } catch (error) {
      this.#fail(`the browser does not play ${this.#mime} (${String(error)})`);
      return;
    }
    const early = this.#early;
    this.#early = [];
    for (const data of early) this.#appender.append(data);
  };

  readonly #broken = (): void => this.#fail(this.#video.error?.message || "the browser could not decode the media");

  #fail(reason: string): void {
    if (this.#closed) return;
    this.close();
    this.#host.feedFailed(reason);
  }
}
