import { html, nothing } from "lit";
import { Mic, MicOff, TriangleAlert, Video, VideoOff } from "lucide";
import type { DeviceError } from "../media/devices";
import type { LocalMedia } from "../media/local";
import { LIMITS } from "../protocol/messages";
import { LightElement } from "./element";
import { icon } from "./icon";
import "./avatar";
import "./device-fields";

/** Where there is room for it, the choice of devices is open from the start. */
const WIDE = matchMedia("(min-width: 861px)").matches;

/** The page before the meeting: how one looks and sounds, and one's name. Tells "mc-join" with the name. */
export class PreJoin extends LightElement {
  static override properties = {
    local: { attribute: false },
    name: {},
    roomName: {},
    moderator: { type: Boolean },
    busy: { type: Boolean },
  };
  declare local: LocalMedia;
  declare name: string;
  declare roomName: string;
  declare moderator: boolean;
  declare busy: boolean;
  #off: (() => void) | undefined;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#off?.();
    this.#off = undefined;
  }

  protected override willUpdate(): void {
    this.#off ??= this.local.on("change", () => this.requestUpdate());
  }

  protected override updated(): void {
    const video = this.querySelector<HTMLVideoElement>(".preview video");
    const track = this.local.track("camera");
    const shown = (video?.srcObject as MediaStream | null)?.getVideoTracks()[0];
    if (video && shown !== track) video.srcObject = track ? new MediaStream([track]) : null;
  }

  protected override render() {
    return html`<main class="prejoin" data-testid="prejoin">
      <section class="preview" aria-label="Your picture">
        ${this.#preview()}
        <div class="preview-controls">
          ${this.#toggle("microphone", Mic, MicOff)} ${this.#toggle("camera", Video, VideoOff)}
        </div>
      </section>
      <form class="prejoin-form" @submit=${this.#submit}>
        <div class="prejoin-heading">
          <p class="muted">${this.moderator ? "You are a moderator of" : "You are about to join"}</p>
          <h1>${this.roomName}</h1>
        </div>
        <div class="field">
          <label for="name">Your name</label>
          <input
            class="input large"
            id="name"
            name="name"
            data-testid="name"
            autocomplete="name"
            maxlength=${LIMITS.name}
            placeholder="How others see you"
            .value=${this.name ?? ""}
            @input=${(e: Event) => (this.name = (e.target as HTMLInputElement).value)}
          />
        </div>
        ${this.#problems()}
        <details class="prejoin-devices" ?open=${WIDE}>
          <summary>Camera, microphone and speaker</summary>
          <div class="prejoin-fields"><mc-devices .local=${this.local}></mc-devices></div>
        </details>
        <button class="button primary large wide" data-testid="join" type="submit" aria-busy=${this.busy ? "true" : "false"}>
          Join meeting
        </button>
      </form>
    </main>`;
  }

  #preview() {
    const state = this.local.state("camera");
    if (state === "on") return html`<video class="mirrored" .muted=${true} autoplay playsinline></video>`;
    return html`<div class="preview-empty">
      ${state === "starting"
        ? html`<span class="spinner"></span>
            <p>Starting your camera…</p>`
        : html`<mc-avatar name=${this.name || "?"} seed="self"></mc-avatar>
            <p>${this.local.problems.camera ? "No picture" : "Your camera is off"}</p>`}
    </div>`;
  }

  #toggle(device: "microphone" | "camera", on: typeof Mic, off: typeof Mic) {
    const active = this.local.state(device) === "on";
    const what = device === "camera" ? "camera" : "microphone";
    return html`<button
      type="button"
      class="icon-button large round ${active ? "glass" : "off"}"
      data-testid=${device === "camera" ? "camera" : "mic"}
      data-on=${active}
      aria-label=${active ? `Switch ${what} off` : `Switch ${what} on`}
      @click=${() => this.#switch(device, !active)}
    >
      ${icon(active ? on : off)}
    </button>`;
  }

  #switch(device: "microphone" | "camera", on: boolean): void {
    void (device === "camera" ? this.local.setCamera(on) : this.local.setMicrophone(on));
  }

  #problems() {
    const { camera, microphone } = this.local.problems;
    // One sentence when both were refused together, which is the usual case.
    const both = camera && microphone && camera.problem === microphone.problem;
    const list: (DeviceError | undefined)[] = both ? [undefined] : [camera, microphone].filter(Boolean);
    return list.map(
      (problem) => html`<div class="notice warning" role="status" data-testid="device-problem">
        ${icon(TriangleAlert)}
        <div>
          ${problem ? problem.message : bothMessage(camera!)}
          <span class="notice-more">You can join without it and switch it on later.</span>
          <button type="button" class="link-button" @click=${this.#retry}>Try again</button>
        </div>
      </div>`,
    );
  }

  async #retry(): Promise<void> {
    const { camera, microphone } = this.local.problems;
    if (camera) await this.local.setCamera(true);
    if (microphone) await this.local.setMicrophone(true);
  }

  #submit(e: Event): void {
    e.preventDefault();
    if (!this.busy) this.tell("join", (this.name ?? "").trim());
  }
}

function bothMessage({ problem, message }: DeviceError): unknown {
  if (problem === "denied") {
    return "The browser does not let this page use your camera and microphone. Allow them beside the address bar and try again.";
  }
  if (problem === "missing") return "No camera and no microphone were found.";
  return problem ? message : nothing;
}

customElements.define("mc-prejoin", PreJoin);
