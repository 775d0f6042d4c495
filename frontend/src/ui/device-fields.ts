import { html, nothing } from "lit";
import { Volume2 } from "lucide";
import { canChooseSpeaker } from "../media/audio-out";
import { type DeviceLists, listDevices } from "../media/devices";
import { playTestTone } from "../media/level";
import type { LocalMedia } from "../media/local";
import { savePrefs } from "../room/prefs";
import { LightElement } from "./element";
import { icon } from "./icon";
import "./level-bar";

type Kind = "camera" | "microphone" | "speaker";

const EMPTY: DeviceLists = { audioInput: [], audioOutput: [], videoInput: [] };

/**
 * The choice of camera, microphone and loudspeaker, with a level meter and a
 * speaker test. It acts on the LocalMedia it is given; "mc-speaker" tells of the
 * loudspeaker, which is not the business of local media.
 */
export class DeviceFields extends LightElement {
  static override properties = {
    local: { attribute: false },
    lists: { state: true },
    testing: { state: true },
  };
  declare local: LocalMedia;
  declare lists: DeviceLists;
  declare testing: boolean;
  #off: (() => void) | undefined;

  constructor() {
    super();
    this.lists = EMPTY;
    this.testing = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    navigator.mediaDevices?.addEventListener("devicechange", this.#refresh);
    void this.#refresh();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    navigator.mediaDevices?.removeEventListener("devicechange", this.#refresh);
    this.#off?.();
    this.#off = undefined;
  }

  protected override willUpdate(): void {
    // Labels appear once a device was opened.
    this.#off ??= this.local?.on("change", () => void this.#refresh());
  }

  #refresh = async (): Promise<void> => {
    this.lists = await listDevices();
    this.requestUpdate();
  };

  protected override render() {
    const { videoInput, audioInput, audioOutput } = this.lists;
    return html`
      ${this.#field("camera", "Camera", videoInput)}
      ${this.#field("microphone", "Microphone", audioInput)}
      <mc-level .track=${this.local.track("microphone")}></mc-level>
      ${canChooseSpeaker() && audioOutput.length > 0
        ? this.#field(
            "speaker",
            "Speaker",
            audioOutput,
            html`<button type="button" class="button small" ?disabled=${this.testing} @click=${this.#test}>
              ${icon(Volume2)} Test
            </button>`,
          )
        : nothing}
    `;
  }

  #field(kind: Kind, label: string, devices: MediaDeviceInfo[], extra: unknown = nothing) {
    const track = kind === "speaker" ? undefined : this.local.track(kind);
    const current = track?.getSettings().deviceId ?? this.local.choice[kind] ?? "";
    return html`<div class="field">
      <label for=${`device-${kind}`}>${label}</label>
      <div class="device-row">
        <select
          class="select"
          id=${`device-${kind}`}
          data-testid=${`device-${kind}`}
          ?disabled=${devices.length === 0}
          @change=${(e: Event) => this.#choose(kind, (e.target as HTMLSelectElement).value)}
        >
          ${devices.length === 0 ? html`<option>None found</option>` : nothing}
          ${devices.map(
            (d, i) =>
              html`<option value=${d.deviceId} .selected=${d.deviceId === current}>
                ${d.label || `${label} ${i + 1}`}
              </option>`,
          )}
        </select>
        ${extra}
      </div>
    </div>`;
  }

  #choose(kind: Kind, id: string): void {
    savePrefs({ [kind]: id });
    if (kind === "speaker") {
      this.local.choice = { ...this.local.choice, speaker: id };
      this.tell("speaker", id);
    } else {
      void this.local.choose(kind, id);
    }
  }

  async #test(): Promise<void> {
    this.testing = true;
    await playTestTone(this.local.choice.speaker).catch(() => undefined);
    this.testing = false;
  }
}

customElements.define("mc-devices", DeviceFields);
