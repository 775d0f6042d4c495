/** What one looks at when a call is bad, from RTCPeerConnection.getStats. */
export interface StatsSummary {
  /** Round trip to the server, ms; undefined before the first measurement. */
  roundTrip?: number;
  /** Bits per second over the last interval. */
  sending: number;
  receiving: number;
  /** Lost share of the packets that should have arrived in the interval, 0..1. */
  loss: number;
  /** "udp" or "tcp", and whether a relay (TURN) carries it. */
  path?: string;
}

interface Counters {
  at: number;
  sent: number;
  received: number;
  packets: number;
  lost: number;
}

/** Turns cumulative counters into rates. */
export class StatsMeter {
  #last: Counters | undefined;

  summarise(report: Iterable<[string, unknown]>, now: number): StatsSummary {
    const all = [...report].map(([, stat]) => stat as Record<string, unknown>);
    const counters: Counters = { at: now, sent: 0, received: 0, packets: 0, lost: 0 };
    for (const s of all) {
      if (s.type === "outbound-rtp") counters.sent += num(s.bytesSent);
      if (s.type === "inbound-rtp") {
        counters.received += num(s.bytesReceived);
        counters.packets += num(s.packetsReceived);
        counters.lost += num(s.packetsLost);
      }
    }
    const last = this.#last ?? counters;
    this.#last = counters;
    const seconds = Math.max(0.001, (counters.at - last.at) / 1000);
    const lost = Math.max(0, counters.lost - last.lost);
    const expected = Math.max(0, counters.packets - last.packets) + lost;
    return {
      sending: rate(counters.sent - last.sent, seconds),
      receiving: rate(counters.received - last.received, seconds),
      loss: expected > 0 ? lost / expected : 0,
      ...path(all),
    };
  }
}

function path(all: Record<string, unknown>[]): Pick<StatsSummary, "roundTrip" | "path"> {
  const pair = all.find((s) => s.type === "candidate-pair" && s.nominated === true && s.state === "succeeded");
  if (!pair) return {};
  const local = all.find((s) => s.id === pair.localCandidateId);
  const protocol = typeof local?.protocol === "string" ? local.protocol : undefined;
  const relay = local?.candidateType === "relay" ? " by relay" : "";
  return {
    ...(typeof pair.currentRoundTripTime === "number" ? { roundTrip: pair.currentRoundTripTime * 1000 } : {}),
    ...(protocol ? { path: protocol + relay } : {}),
  };
}

const num = (v: unknown) => (typeof v === "number" ? v : 0);
const rate = (bytes: number, seconds: number) => Math.max(0, Math.round((bytes * 8) / seconds));
