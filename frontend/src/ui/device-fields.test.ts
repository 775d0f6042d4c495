// @vitest-environment jsdom
import { afterEach, expect, it, vi } from "vitest";
import type { LocalMedia } from "../media/local";
import "./device-fields";
import type { DeviceFields } from "./device-fields";

vi.mock("../media/audio-out", () => ({ canChooseSpeaker: () => true }));

afterEach(() => vi.unstubAllGlobals());

it("leaves Enter to the form it stands in", async () => {
  const speaker = { kind: "audiooutput", deviceId: "a", groupId: "", label: "Loud" } as MediaDeviceInfo;
  vi.stubGlobal("navigator", {
    mediaDevices: { enumerateDevices: async () => [speaker], addEventListener() {}, removeEventListener() {} },
  });
  const fields = document.createElement("mc-devices") as DeviceFields;
  fields.local = { choice: {}, track: () => undefined, on: () => () => undefined } as unknown as LocalMedia;
  const form = document.createElement("form");
  form.append(fields);
  document.body.append(form);
  // Enter in a form presses its first submit button, and join is the last.
  await vi.waitFor(() => expect(fields.querySelector("button")).not.toBeNull());
  for (const button of fields.querySelectorAll("button")) expect(button.type).toBe("button");
});
