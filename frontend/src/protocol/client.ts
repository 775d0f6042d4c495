import { Backoff } from "./backoff";
import { CLOSE, meaning } from "./close";
import { decode } from "./decode";
import { Emitter } from "./emitter";
import { onNetworkChange } from "./network";
import {
  SUBPROTOCOL,
  VERSION,
  type AnswerMessage,
  type ClientMessage,
  type ErrorCode,
  type Joined,
  type OK,
  type ServerMessage,
} from "./messages";

/** The server said no to a request, or did not answer it. */
export class RequestError extends Error {
  constructor(
    readonly code: ErrorCode | "timeout" | "disconnected",
    message: string,
  ) {
    super(message);
    this.name = "RequestError";
  }
}

/** Why the client is closed for good. */
export type EndReason = "left" | "refused" | "kicked" | "replaced" | "full" | "bug";

export type ConnectionState = "idle" | "connecting" | "joined" | "reconnecting" | "closed";

export interface ClientEvents {
  state: ConnectionState;
  /** After each join; with `resumed` false all earlier state is void. */
  joined: Joined;
  message: ServerMessage;
  /** The last event. */
  end: { reason: EndReason; message: string };
}

export interface ClientOptions {
  /** ws(s):// URL of the server. */
  url: string;
  token: string;
  /** "sub/room" as in the page's URL. */
  room?: string;
  name: string;
  /** For tests. */
  webSocket?: (url: string, protocol: string) => WebSocket;
  backoff?: Backoff;
}

const PING_EVERY = 10_000; // ms
const PONG_WITHIN = 8_000; // ms; then the connection counts as lost
const PROBE_WITHIN = 1_500; // ms for a pong when the network may have changed
const OPEN_WITHIN = 4_000; // ms for the socket to open; a packet lost on the way may cost that much
const JOIN_WITHIN = 10_000; // ms from the open socket to "joined"
const ANSWER_WITHIN = 15_000; // ms
const BROADCAST_WITHIN = 60_000; // ms; starting waits for an ingest, stopping for a file
const FRESH = 500; // ms for which an attempt to connect counts as one of the new network
const RATE_PAUSE = 5_000; // ms to stay away after "too many messages"

type Requests = Exclude<ClientMessage, { type: "join" | "ping" }>;
/** A request without the id, which the client adds. */
export type Request = Requests extends infer M ? (M extends unknown ? Omit<M, "id"> : never) : never;

interface Pending {
  resolve(answer: OK | AnswerMessage): void;
  reject(error: RequestError): void;
  timer: ReturnType<typeof setTimeout>;
}

/**
 * One membership of a room over a WebSocket that may break and come back:
 *
 *     connect() → connecting → joined ⇄ reconnecting → closed
 *
 * A lost socket is opened again with growing pauses and takes the same member
 * over with the secret of the last "joined". There is no giving up: only the
 * server's close code or leave() ends it.
 */
export class SignalClient extends Emitter<ClientEvents> {
  #socket: WebSocket | undefined;
  #state: ConnectionState = "idle";
  #resume: string | undefined;
  #lastError = "";
  #nextID = 1;
  #pending = new Map<string, Pending>();
  #timers = { ping: 0 as unknown as Timer, pong: 0 as unknown as Timer, join: 0 as unknown as Timer, retry: 0 as unknown as Timer };
  readonly #backoff: Backoff;
  #opened = 0; // when the present socket was
  #offNetwork = () => {};
  /** Round trip of the last ping, ms; 0 before the first. */
  roundTrip = 0;

  constructor(private readonly options: ClientOptions) {
    super();
    this.#backoff = options.backoff ?? new Backoff();
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** The name that the next join carries; a rename during a meeting sets it too. */
  set name(name: string) {
    this.options.name = name;
  }

  connect(): void {
    if (this.#state !== "idle") return;
    this.#setState("connecting");
    this.#offNetwork = onNetworkChange(() => this.hurry());
    this.#open();
  }

  /** Sends a message that needs no answer; false when there is no connection. */
  send(message: Request): boolean {
    if (this.#state !== "joined") return false;
    this.#write(message as ClientMessage);
    return true;
  }

  /** Sends a message and resolves with its answer, or rejects with a RequestError. */
  request(message: Request): Promise<OK | AnswerMessage> {
    if (this.#state !== "joined") {
      return Promise.reject(new RequestError("disconnected", "There is no connection to the server right now."));
    }
    const id = String(this.#nextID++);
    const within = message.type.startsWith("broadcast-") ? BROADCAST_WITHIN : ANSWER_WITHIN;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new RequestError("timeout", "The server did not answer in time."));
      }, within);
      this.#pending.set(id, { resolve, reject, timer });
      this.#write({ ...message, id } as ClientMessage);
    });
  }

  /** Says good-bye and closes for good. */
  leave(): void {
    if (this.#state === "closed") return;
    if (this.#state === "joined") this.#write({ type: "leave" });
    this.#end("left", "");
  }

  #open(): void {
    const make = this.options.webSocket ?? ((url, protocol) => new WebSocket(url, protocol));
    const socket = make(this.options.url, SUBPROTOCOL);
    this.#socket = socket;
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      clearTimeout(this.#timers.join);
      this.#timers.join = setTimeout(() => this.#drop(), JOIN_WITHIN);
      this.#join();
    };
    socket.onmessage = (e) => {
      if (socket === this.#socket && typeof e.data === "string") this.#receive(e.data);
    };
    socket.onclose = (e) => {
      if (socket === this.#socket) this.#lost(e.code, e.reason);
    };
    this.#timers.join = setTimeout(() => this.#drop(), OPEN_WITHIN);
    this.#opened = performance.now();
  }

  #join(): void {
    const { token, room, name } = this.options;
    this.#write({
      type: "join",
      id: String(this.#nextID++),
      version: VERSION,
      token,
      name,
      ...(room ? { room } : {}),
      ...(this.#resume ? { resume: this.#resume } : {}),
    });
  }

  #receive(text: string): void {
    const message = decode(text);
    if (!message) return;
    switch (message.type) {
      case "joined":
        this.#onJoined(message);
        return;
      case "pong":
        clearTimeout(this.#timers.pong);
        this.roundTrip = Math.max(0, performance.now() - message.t);
        return;
      case "answer":
      case "ok":
        this.#settle(message.id, (p) => p.resolve(message));
        return;
      case "error":
        this.#lastError = message.message;
        if (this.#settle(message.id, (p) => p.reject(new RequestError(message.code, message.message)))) return;
        break;
      case "kicked":
        this.#lastError = message.by ?? "";
        break;
    }
    this.emit("message", message);
  }

  #onJoined(joined: Joined): void {
    clearTimeout(this.#timers.join);
    this.#backoff.reset();
    this.#lastError = "";
    this.#resume = joined.resume;
    this.#setState("joined");
    this.#ping();
    this.emit("joined", joined);
  }

  #ping(within = PONG_WITHIN): void {
    clearTimeout(this.#timers.ping);
    clearTimeout(this.#timers.pong);
    this.#write({ type: "ping", t: performance.now() });
    this.#timers.pong = setTimeout(() => this.#drop(), within);
    this.#timers.ping = setTimeout(() => this.#ping(), PING_EVERY);
  }

  #settle(id: string | undefined, how: (p: Pending) => void): boolean {
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (!pending) return false;
    this.#pending.delete(id!);
    clearTimeout(pending.timer);
    how(pending);
    return true;
  }

  /** Treats a silent connection as lost, without waiting for its closing handshake. */
  #drop(): void {
    const socket = this.#socket;
    this.#lost(CLOSE.timeout, "");
    socket?.close();
  }

  #lost(code: number, reason: string): void {
    this.#socket = undefined;
    this.#clear();
    this.#failPending();
    const what = meaning(code);
    switch (what) {
      case "rejoin":
        this.#resume = undefined;
        break;
      case "refused":
      case "kicked":
      case "replaced":
      case "full":
      case "bug":
        this.#end(what, this.#lastError || reason);
        return;
    }
    if (this.#state === "joined") this.#setState("reconnecting");
    const pause = this.#backoff.next() + (code === CLOSE.rate ? RATE_PAUSE : 0);
    this.#timers.retry = setTimeout(() => this.#open(), pause);
  }

  /**
   * The network is back or may be another one: no reason to wait any longer. A
   * connection that still answers stays.
   */
  hurry(): void {
    switch (this.#state) {
      case "idle":
      case "closed":
        return;
      case "joined":
        this.#ping(PROBE_WITHIN);
        return;
    }
    // An attempt from before the change may hang for long.
    if (this.#socket && performance.now() - this.#opened < FRESH) return;
    const socket = this.#socket;
    this.#socket = undefined;
    this.#clear();
    this.#backoff.reset();
    socket?.close();
    this.#open();
  }

  #end(reason: EndReason, message: string): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#clear();
    this.#failPending();
    this.#offNetwork();
    this.#setState("closed");
    socket?.close(1000);
    this.emit("end", { reason, message });
  }

  #clear(): void {
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
  }

  #failPending(): void {
    for (const id of [...this.#pending.keys()]) {
      this.#settle(id, (p) =>
        p.reject(new RequestError("disconnected", "The connection to the server was lost.")),
      );
    }
  }

  #write(message: ClientMessage): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  #setState(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.emit("state", state);
  }
}

type Timer = ReturnType<typeof setTimeout>;
