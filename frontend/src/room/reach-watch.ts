import { Reach, type Way } from "../media/reach";

/** How long media may take before the page says why there is none. */
export const MEDIA_PATIENCE = 8000; // ms
const LOOK_EVERY = 1000; // ms
/** Relays are tried after the direct ways; so much later their silence counts. */
const RELAY_PATIENCE = 5000; // ms

/** What the watch looks at; Peer is one. */
export interface Watched {
  readonly state: string;
  readonly relays: "none" | "later" | "tried";
  /** The server's last answer, "" before the first. */
  readonly answer: string;
  stats(): Promise<RTCStatsReport>;
}

/**
 * Looks why a peer does not connect, from its start or from a loss until it is
 * connected.
 */
export class ReachWatch {
  #reach: Reach;
  #since = Date.now();
  #timer: ReturnType<typeof setInterval> | undefined;
  #shown = false;

  constructor(
    private readonly peer: Watched,
    private readonly changed: () => void,
  ) {
    this.#reach = new Reach(peer.relays !== "none");
    this.#start();
  }

  /** What was found out, once there should have been media; undefined while all is well. */
  get ways(): Way[] | undefined {
    return this.#shown ? this.#reach.ways : undefined;
  }

  /** The state of the peer has changed. */
  update(): void {
    if (this.peer.state === "connected") this.#stop();
    else if (this.#timer === undefined && this.peer.state !== "closed") this.#start();
    else if (this.peer.state === "failed") void this.#look();
  }

  close(): void {
    this.#stop();
  }

  #start(): void {
    this.#reach = new Reach(this.peer.relays !== "none");
    this.#since = Date.now();
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (!this.#shown) return;
    this.#shown = false;
    this.changed();
  }

  async #look(): Promise<void> {
    const report = await this.peer.stats().catch(() => undefined);
    if (this.#timer === undefined || !report) return;
    this.#reach.observe(report as unknown as Iterable<[string, unknown]>);
    this.#reach.offered(this.peer.answer);
    const passed = Date.now() - this.#since;
    this.#reach.directTried = passed >= MEDIA_PATIENCE;
    this.#reach.relaysTried = this.peer.relays === "tried" && passed > RELAY_PATIENCE;
    if (passed < MEDIA_PATIENCE && this.peer.state !== "failed") return;
    this.#shown = true;
    this.changed();
  }
}
