import { describe, expect, it } from "vitest";
import { Reach } from "./reach";

const report = (...stats: object[]): [string, unknown][] => stats.map((s) => [(s as { id: string }).id, s]);

const host = { id: "l", type: "local-candidate", candidateType: "host", protocol: "udp" };
const hostTCP = { id: "lt", type: "local-candidate", candidateType: "host", protocol: "tcp" };
const relayed = { id: "lr", type: "local-candidate", candidateType: "relay", protocol: "udp", relayProtocol: "tls" };
const remote = { id: "r", type: "remote-candidate", protocol: "udp", address: "192.0.2.1", port: 10000 };
const remoteTCP = { id: "rt", type: "remote-candidate", protocol: "tcp", address: "2001:db8::1", port: 10000 };
const pair = (localCandidateId: string, remoteCandidateId: string, more: object) => ({
  id: localCandidateId + remoteCandidateId,
  type: "candidate-pair",
  localCandidateId,
  remoteCandidateId,
  ...more,
});
const states = (r: Reach) => Object.fromEntries(r.ways.map((w) => [w.name, w.state]));

describe("Reach", () => {
  it("tells ways that are not tried, silent and answered apart", () => {
    const r = new Reach(false);
    expect(states(r)).toEqual({ udp: "none", tcp: "none", relay: "none" });
    r.observe(report(host, hostTCP, remote, remoteTCP));
    expect(states(r)).toEqual({ udp: "waiting", tcp: "waiting", relay: "none" });
    r.observe(report(host, hostTCP, remote, remoteTCP, pair("l", "r", { state: "in-progress", requestsSent: 2 }), pair("lt", "rt", { state: "succeeded" })));
    expect(states(r)).toEqual({ udp: "silent", tcp: "answered", relay: "none" });
    expect(r.ways.map((w) => w.targets)).toEqual([["192.0.2.1:10000"], ["[2001:db8::1]:10000"], []]);
  });

  it("takes what the answer offers for silent when its time is over", () => {
    const r = new Reach(false);
    r.offered("v=0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 10000 typ host\r\na=candidate:3 1 tcp 1518214911 2001:db8::1 10000 typ host tcptype passive\r\n");
    expect(states(r)).toEqual({ udp: "waiting", tcp: "waiting", relay: "none" });
    r.directTried = true;
    expect(states(r)).toEqual({ udp: "silent", tcp: "silent", relay: "none" });
    expect(r.ways[1]!.targets).toEqual(["[2001:db8::1]:10000"]);
  });

  it("forgets nothing that the browser forgets", () => {
    const r = new Reach(false);
    r.observe(report(host, remote, pair("l", "r", { state: "failed" })));
    r.observe(report(host));
    expect(states(r).udp).toBe("silent");
    expect(r.ways[0]!.targets).toEqual(["192.0.2.1:10000"]);
  });

  it("knows how far a relay went", () => {
    const r = new Reach(true);
    expect(r.ways[2]).toMatchObject({ state: "waiting", reached: false });
    r.relaysTried = true;
    expect(r.ways[2]).toMatchObject({ state: "silent", reached: false });
    r.observe(report(relayed, remote, pair("lr", "r", { state: "in-progress" })));
    expect(r.ways[2]).toMatchObject({ state: "silent", reached: true });
    r.observe(report(relayed, remote, pair("lr", "r", { state: "in-progress", responsesReceived: 1 })));
    expect(r.ways[2]).toMatchObject({ state: "answered" });
    expect(states(r).udp).toBe("waiting");
  });
});
