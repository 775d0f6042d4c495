import {
  EMBED_VERSION,
  isEnvelope,
  type Answer,
  type CommandResults,
  type CommandType,
  type EmbedEvent,
  type FromFrame,
} from "../../protocol/embed";
import { NanoMeetError } from "./failure";

/** How long the meeting page may take to load, ms. */
const loadPatience = 30_000;
/** How long a command may take, ms: a recording is made safe before stopBroadcast answers. */
const answerPatience = 120_000;

/** The features that a meeting needs from the page around it. */
const allow = "camera; microphone; display-capture; autoplay; fullscreen; clipboard-write; speaker-selection";

/** What a Frame is made of. */
export interface FrameOptions {
  /** The meeting page with its token and fragment. */
  url: string;
  /** The element that the iframe goes into. */
  parent: HTMLElement;
  /** CSS sizes. */
  width: string;
  height: string;
  /** Called for each event from the meeting. */
  onEvent(event: EmbedEvent): void;
}

/** An answer that is awaited. */
interface Pending {
  resolve(data: unknown): void;
  reject(error: NanoMeetError): void;
  timer: number;
}

/** How the page's loading is told. */
interface Settle {
  resolve(): void;
  reject(error: NanoMeetError): void;
  timer: number;
}

/**
 * Frame is a meeting in an iframe. It speaks the protocol of
 * src/protocol/embed.ts, only to the frame's window and the frame's origin.
 */
export class Frame {
  readonly element: HTMLIFrameElement;
  /** Resolves when the meeting page has loaded, rejects when it does not. */
  readonly ready: Promise<void>;

  readonly #origin: string;
  readonly #onEvent: (event: EmbedEvent) => void;
  readonly #pending = new Map<string, Pending>();
  #settleReady: Settle | undefined;
  #count = 0;

  constructor({ url, parent, width, height, onEvent }: FrameOptions) {
    this.#origin = new URL(url).origin;
    this.#onEvent = onEvent;
    this.ready = new Promise((resolve, reject) => {
      const timer = window.setTimeout(() => this.#notLoaded(), loadPatience);
      this.#settleReady = { resolve, reject, timer };
    });
    this.ready.catch(() => {}); // whoever awaits it hears of it
    window.addEventListener("message", this.#receive);
    this.element = document.createElement("iframe");
    this.element.allow = allow;
    this.element.title = "Meeting";
    this.element.referrerPolicy = "no-referrer";
    this.element.style.width = width;
    this.element.style.height = height;
    this.element.style.border = "0";
    this.element.style.display = "block";
    this.element.src = url;
    parent.appendChild(this.element);
  }

  /** command asks the meeting for something and resolves with its answer. */
  command<T extends CommandType>(type: T, fields: object = {}): Promise<CommandResults[T]> {
    const id = `c${++this.#count}`;
    return new Promise((resolve, reject) => {
      const timer = window.setTimeout(() => {
        this.#pending.delete(id);
        reject(new NanoMeetError("No answer", `The meeting did not answer within ${answerPatience / 1000} seconds. Check the connection and look at the meeting.`));
      }, answerPatience);
      this.#pending.set(id, { resolve: resolve as (data: unknown) => void, reject, timer });
      this.#post({ ...fields, type, id });
    });
  }

  /** close removes the iframe; what was awaited is rejected. Idempotent. */
  close(): void {
    window.removeEventListener("message", this.#receive);
    this.element.remove();
    const gone = new NanoMeetError("Meeting closed", "The embedded meeting was removed.");
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(gone);
    }
    this.#pending.clear();
    this.#settle((ready) => ready.reject(gone));
  }

  #post(message: object): void {
    this.element.contentWindow?.postMessage({ ...message, meetcast: EMBED_VERSION }, this.#origin);
  }

  readonly #receive = (event: MessageEvent): void => {
    if (event.source === null || event.source !== this.element.contentWindow || event.origin !== this.#origin) return;
    if (!isEnvelope(event.data)) return;
    const message = event.data as FromFrame;
    if (message.type === "ready") this.#greet();
    else if (message.type === "answer") this.#answered(message);
    else this.#onEvent(message);
  };

  // greet says hello each time the page has loaded: it may load anew.
  #greet(): void {
    this.#post({ type: "hello" });
    this.#settle((ready) => ready.resolve());
  }

  #answered(answer: Answer): void {
    const pending = this.#pending.get(answer.id);
    if (!pending) return;
    this.#pending.delete(answer.id);
    clearTimeout(pending.timer);
    if (answer.ok) pending.resolve(answer.data);
    else pending.reject(new NanoMeetError(answer.error.error, answer.error.message));
  }

  #notLoaded(): void {
    this.#settle((ready) =>
      ready.reject(new NanoMeetError("Meeting not reachable", `The meeting page on ${this.#origin} did not load. Check the server's address and the connection.`)),
    );
  }

  #settle(how: (ready: Settle) => void): void {
    const ready = this.#settleReady;
    if (!ready) return;
    this.#settleReady = undefined;
    clearTimeout(ready.timer);
    how(ready);
  }
}
