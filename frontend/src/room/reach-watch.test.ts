import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MEDIA_PATIENCE, ReachWatch, type Watched } from "./reach-watch";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class FakePeer implements Watched {
  state = "new";
  relays: Watched["relays"] = "later";
  looked = 0;
  answer = "a=candidate:1 1 udp 5 192.0.2.1 10000 typ host\r\n";
  stats = () => {
    this.looked++;
    return Promise.resolve(new Map() as unknown as RTCStatsReport);
  };
}

describe("ReachWatch", () => {
  it("says nothing until media should be there, and why from then on", async () => {
    const peer = new FakePeer();
    const changed = vi.fn();
    const watch = new ReachWatch(peer, changed);
    await vi.advanceTimersByTimeAsync(MEDIA_PATIENCE - 1000);
    expect(watch.ways).toBeUndefined();
    peer.relays = "tried";
    await vi.advanceTimersByTimeAsync(1000);
    expect(changed).toHaveBeenCalled();
    expect(watch.ways?.map((w) => w.state)).toEqual(["silent", "none", "silent"]);
    peer.state = "connected";
    watch.update();
    expect(watch.ways).toBeUndefined();
  });

  it("does not look while all is well, and looks anew after a loss", async () => {
    const peer = new FakePeer();
    const watch = new ReachWatch(peer, () => undefined);
    peer.state = "connected";
    watch.update();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(peer.looked).toBe(0);
    peer.state = "disconnected";
    watch.update();
    await vi.advanceTimersByTimeAsync(MEDIA_PATIENCE - 1000);
    expect(watch.ways).toBeUndefined();
    peer.state = "failed";
    watch.update();
    await vi.advanceTimersByTimeAsync(0);
    expect(watch.ways).toBeDefined();
    watch.close();
    const looked = peer.looked;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(peer.looked).toBe(looked);
  });
});
