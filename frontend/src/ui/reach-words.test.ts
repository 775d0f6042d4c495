import { describe, expect, it } from "vitest";
import type { Way } from "../media/reach";
import { advice, steps, unroutable } from "./reach-words";

const ways = (udp: Partial<Way>, tcp: Partial<Way>, relay: Partial<Way>): Way[] => [
  { name: "udp", state: "none", targets: [], ...udp },
  { name: "tcp", state: "none", targets: [], ...tcp },
  { name: "relay", state: "none", targets: [], ...relay },
];
const silent = (...targets: string[]): Partial<Way> => ({ state: "silent", targets });

describe("steps", () => {
  it("names what does not answer", () => {
    const list = steps(ways(silent("198.51.100.7:10000"), silent("1.1.1.1:1", "2.2.2.2:2", "3.3.3.3:3"), {}), true);
    expect(list.map((s) => s.state)).toEqual(["ok", "failed", "failed", "none"]);
    expect(list[1]!.text).toContain("198.51.100.7:10000");
    expect(list[2]!.text).toContain("and 1 more");
  });

  it("tells a relay that is silent from one that leads nowhere", () => {
    const text = (reached: boolean) => steps(ways({}, {}, { ...silent(), reached }), true)[3]!.text;
    expect(text(false)).not.toEqual(text(true));
    expect(steps(ways({}, {}, {}), false)[0]!.state).toBe("failed");
  });
});

describe("advice", () => {
  it("says when only the operator can help", () => {
    expect(advice(ways(silent("10.0.0.5:10000"), {}, {})).join(" ")).toContain("rtc.advertised_ips");
    expect(advice(ways({}, {}, {})).join(" ")).toContain("meetcast doctor");
    expect(advice(ways({}, {}, {})).join(" ")).toContain("turn.enabled");
  });

  it("names the port to open", () => {
    const text = advice(ways(silent("8.8.8.8:10000"), {}, silent())).join(" ");
    expect(text).toContain("port 10000");
    expect(text).not.toContain("turn.enabled");
    expect(text).not.toContain("advertised");
  });
});

it("unroutable knows private addresses", () => {
  for (const a of ["10.1.2.3:1", "172.16.0.1:1", "172.31.0.1:1", "192.168.1.1:1", "127.0.0.1:1", "[::1]:1", "[fd00::1]:1", "[fe80::1]:1", "100.64.0.1:1", "192.0.2.1:1"]) {
    expect(unroutable(a), a).toBe(true);
  }
  for (const a of ["8.8.8.8:1", "172.32.0.1:1", "192.169.1.1:1", "[2001:db9::1]:1", "100.128.0.1:1"]) expect(unroutable(a), a).toBe(false);
});
