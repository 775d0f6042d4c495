import { describe, expect, it } from "vitest";
import { ClockOffset, defaultSteering, MediaClock, Steering, type Range } from "./latency";

describe("ClockOffset", () => {
  it("knows nothing before the first exchange", () => expect(new ClockOffset().value).toBeUndefined());

  it("halves the trip", () => {
    const offset = new ClockOffset();
    offset.add(1000, 6020, 1040);
    expect(offset.value).toBe(5000);
  });

  it("trusts the shortest trip, and forgets old ones", () => {
    const offset = new ClockOffset();
    offset.add(0, 5005, 10);
    offset.add(100, 5900, 500); // a slow one: 400 ms
    expect(offset.value).toBe(5000);
    for (let i = 0; i < 8; i++) offset.add(1000, 6200, 1100);
    expect(offset.value).toBe(5150);
  });

  it.each([[100, 1, 50], [NaN, 1, 2], [0, NaN, 1]])("ignores nonsense %j", (...sample) => {
    const offset = new ClockOffset();
    offset.add(...(sample as [number, number, number]));
    expect(offset.value).toBeUndefined();
  });
});

describe("MediaClock", () => {
  it("maps media time to wall time on both sides of the mark", () => {
    const clock = new MediaClock();
    expect(clock.capturedAt(1)).toBeUndefined();
    clock.mark(12, 1_764_000_000_000);
    expect(clock.capturedAt(12.5)).toBe(1_764_000_000_500);
    expect(clock.capturedAt(11)).toBe(1_763_999_999_000);
    clock.mark(NaN, 5);
    expect(clock.capturedAt(12)).toBe(1_764_000_000_000);
    clock.reset();
    expect(clock.capturedAt(12)).toBeUndefined();
  });
});

const one = (start: number, end: number): Range[] => [{ start, end }];

describe("Steering", () => {
  const { target, jump, maxRate } = defaultSteering;

  it("does nothing without media", () => {
    expect(new Steering().step({ now: 0, position: 0, ranges: [], moving: false })).toEqual({ rate: 1 });
  });

  it("starts close to the end of what came first", () => {
    const { seek } = new Steering().step({ now: 0, position: 0, ranges: one(100, 102), moving: false });
    expect(seek).toBeCloseTo(102 - target);
  });

  it("starts at the beginning of a short first piece", () => {
    expect(new Steering().step({ now: 0, position: 0, ranges: one(7, 7.2), moving: false }).seek).toBe(7);
  });

  it("stays calm at the target", () => {
    expect(new Steering().step({ now: 0, position: 10, ranges: one(5, 10 + target), moving: true })).toEqual({ rate: 1 });
  });

  it("speeds up when behind, until it is there", () => {
    const steering = new Steering();
    const at = (ahead: number) => steering.step({ now: 0, position: 10, ranges: one(5, 10 + ahead), moving: true });
    const fast = at(target + 1).rate;
    expect(fast).toBeGreaterThan(1.05);
    expect(fast).toBeLessThanOrEqual(maxRate);
    expect(at(target + 0.1).rate).toBeGreaterThan(1); // not there yet
    expect(at(target).rate).toBe(1);
    expect(at(target + 0.1).rate).toBe(1); // within the slack
  });

  it("never exceeds the fastest rate, and jumps when that would take too long", () => {
    const steering = new Steering();
    expect(steering.step({ now: 0, position: 10, ranges: one(0, 9.99 + target + jump), moving: true }).rate).toBe(maxRate);
    const { seek } = steering.step({ now: 0, position: 10, ranges: one(0, 20), moving: true });
    expect(seek).toBeCloseTo(20 - target);
  });

  it("jumps over a gap when it stands before it, not earlier", () => {
    const steering = new Steering();
    const ranges = [{ start: 0, end: 10 }, { start: 10.4, end: 11 }];
    expect(steering.step({ now: 0, position: 9.5, ranges, moving: true }).seek).toBeUndefined();
    expect(steering.step({ now: 0, position: 9.95, ranges, moving: false }).seek).toBe(10.4);
  });

  it("takes a seam for no gap", () => {
    const ranges = [{ start: 0, end: 10 }, { start: 10.02, end: 10.45 }];
    expect(new Steering().step({ now: 0, position: 9.95, ranges, moving: false }).seek).toBeUndefined();
  });

  it("finds the way back when it lies outside of all media", () => {
    expect(new Steering().step({ now: 0, position: 500, ranges: one(3, 8), moving: false }).seek).toBeCloseTo(8 - target);
  });

  it("slows down a little before it runs dry", () => {
    expect(new Steering().step({ now: 0, position: 10, ranges: one(5, 10.05), moving: true }).rate).toBeLessThan(1);
  });

  it("aims higher after a stall and lower again after calm", () => {
    const steering = new Steering();
    const step = (now: number, moving: boolean) => steering.step({ now, position: 10, ranges: one(5, 10.5), moving });
    step(0, false); // the start is no stall
    expect(steering.target).toBe(target);
    step(100, true);
    step(200, false);
    const raised = steering.target;
    expect(raised).toBeGreaterThan(target);
    step(300, false); // still the same stall
    expect(steering.target).toBe(raised);
    step(400, true);
    step(25_000, true);
    expect(steering.target).toBeLessThan(raised);
    for (let t = 50_000; t < 500_000; t += 25_000) step(t, true);
    expect(steering.target).toBe(target);
  });

  it("has an upper end for its target", () => {
    const steering = new Steering();
    for (let i = 0; i < 100; i++) steering.step({ now: i, position: 10, ranges: one(5, 10.5), moving: i % 2 === 0 });
    expect(steering.target).toBe(defaultSteering.maxTarget);
  });

  it("catches up with a live stream: simulated, from 2 s behind", () => {
    const steering = new Steering();
    let position = 100;
    let end = 102.2;
    let rate = 1;
    let seeks = 0;
    for (let now = 0; now < 60_000; now += 100) {
      end += 0.1;
      position += 0.1 * rate;
      const wish = steering.step({ now, position, ranges: one(95, end), moving: true });
      rate = wish.rate;
      if (wish.seek !== undefined) seeks++;
    }
    expect(seeks).toBe(0);
    expect(end - position).toBeLessThan(target + defaultSteering.slack + 0.02);
    expect(end - position).toBeGreaterThan(target - 0.1);
  });
});
