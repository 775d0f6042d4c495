/** The ways to the server, the best first. */
export type WayName = "udp" | "tcp" | "relay";

/** What is known of one way. */
export interface Way {
  name: WayName;
  /**
   * "none": there is no such way. "waiting": not tried yet. "silent": tried, no
   * answer so far. "answered": the server has answered.
   */
  state: "none" | "waiting" | "silent" | "answered";
  /** Where the server says it is, "192.0.2.1:10000"; of a relay what was reached behind it. */
  targets: string[];
  /** Of a relay: it gave us a place, whether or not the media port answers behind it. */
  reached?: boolean;
}

interface Stat {
  id: string;
  type: string;
  [key: string]: unknown;
}

/**
 * Gathers from RTCPeerConnection.getStats which ways to the server were tried and
 * which answered. Browsers forget pairs that failed, so it is fed again and again
 * and forgets nothing.
 */
export class Reach {
  readonly #asked: Record<WayName, Set<string>> = { udp: new Set(), tcp: new Set(), relay: new Set() };
  readonly #offered: Record<"udp" | "tcp", Set<string>> = { udp: new Set(), tcp: new Set() };
  readonly #answered = new Set<WayName>();
  #relayed = false;

  /** @param relay whether a relay may be used at all */
  constructor(private readonly relay: boolean) {}

  /** Takes the candidates of the server's answer: stats name those alone that were paired. */
  offered(sdp: string): void {
    for (const [, protocol, host, port] of sdp.matchAll(/^a=candidate:\S+ \d+ (udp|tcp) \d+ (\S+) (\d+) /gim)) {
      this.#offered[protocol!.toLowerCase() as "udp" | "tcp"].add(addressOf({ address: host, port: Number(port) }));
    }
  }

  observe(report: Iterable<[string, unknown]>): void {
    const all = new Map([...report].map(([id, stat]) => [id, { ...(stat as object), id } as Stat]));
    for (const s of all.values()) {
      if (s.type === "remote-candidate" && (s.protocol === "udp" || s.protocol === "tcp")) {
        this.#offered[s.protocol].add(addressOf(s));
      }
      if (s.type === "local-candidate" && s.candidateType === "relay") this.#relayed = true;
      if (s.type === "candidate-pair") this.#pair(s, all);
    }
  }

  #pair(pair: Stat, all: Map<string, Stat>): void {
    const local = all.get(String(pair.localCandidateId));
    const remote = all.get(String(pair.remoteCandidateId));
    if (!local || !remote) return;
    const name: WayName = local.candidateType === "relay" ? "relay" : local.protocol === "tcp" ? "tcp" : "udp";
    const answered = pair.state === "succeeded" || num(pair.responsesReceived) > 0;
    if (answered) this.#answered.add(name);
    if (answered || pair.state === "in-progress" || pair.state === "failed" || num(pair.requestsSent) > 0) {
      this.#asked[name].add(addressOf(remote));
    }
  }

  get ways(): Way[] {
    return [this.#way("udp"), this.#way("tcp"), { ...this.#way("relay"), reached: this.#relayed }];
  }

  /** All direct ways have had the time to answer. */
  directTried = false;
  /** The relays have had the time to answer: silence counts from now on. */
  relaysTried = false;

  #way(name: WayName): Way {
    const targets = [...(name === "relay" ? this.#asked.relay : new Set([...this.#offered[name], ...this.#asked[name]]))];
    return { name, state: this.#state(name, targets), targets };
  }

  #state(name: WayName, targets: string[]): Way["state"] {
    if (this.#answered.has(name)) return "answered";
    if (name === "relay") {
      if (!this.relay) return "none";
      return this.relaysTried || this.#asked.relay.size > 0 ? "silent" : "waiting";
    }
    if (targets.length === 0) return "none";
    return this.directTried || this.#asked[name].size > 0 ? "silent" : "waiting";
  }
}

function addressOf(candidate: Record<string, unknown>): string {
  const { address, ip, port } = candidate;
  const host = typeof address === "string" ? address : typeof ip === "string" ? ip : "?";
  return host.includes(":") ? `[${host}]:${num(port)}` : `${host}:${num(port)}`;
}

const num = (v: unknown) => (typeof v === "number" ? v : 0);
