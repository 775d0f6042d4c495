import { expect, it } from "vitest";
import { dateText, fromLocalInput, fromNow, toLocalInput } from "./dates";

it("goes to a field and back, to the minute", () => {
  const time = new Date(2026, 10, 22, 9, 5).getTime();
  expect(toLocalInput(time)).toBe("2026-11-22T09:05");
  expect(fromLocalInput(toLocalInput(time))).toBe(time);
});

it.each(["", "tomorrow", "2026-11-22"])("%j is no date and time", (text) => expect(fromLocalInput(text)).toBeNaN());

it("writes nothing for no date", () => expect(dateText(NaN)).toBe(""));

it.each([
  [86_400_000, /1|tomorrow/],
  [-3 * 3600_000, /3/],
  [5 * 60_000, /5/],
])("says how far %i ms are", (distance, pattern) => expect(fromNow(1e12 + distance, 1e12)).toMatch(pattern));
