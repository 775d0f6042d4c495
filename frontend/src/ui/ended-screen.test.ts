// @vitest-environment jsdom
import { expect, it } from "vitest";
import "./ended-screen";
import type { EndedScreen } from "./ended-screen";

async function shown(ended: EndedScreen["ended"]): Promise<string> {
  const screen = document.createElement("mc-ended") as EndedScreen;
  screen.ended = ended;
  document.body.append(screen);
  await screen.updateComplete;
  return screen.textContent ?? "";
}

it("tells the one who was removed by whom", async () => {
  expect(await shown({ reason: "kicked", message: "Bob" })).toMatch(/You were removed.*Bob removed you/s);
});

it("blames nobody at the door, where others may come with the same link", async () => {
  const text = await shown({ reason: "kicked", message: "" });
  expect(text).toContain("no longer works");
  expect(text).not.toContain("removed you");
});
