import { html, nothing } from "lit";
import { LocalMedia } from "../media/local";
import { PATH } from "../protocol/messages";
import { EmbedBridge } from "../room/embed-bridge";
import { type MeetingParams, readClaims, readParams } from "../room/params";
import { loadPrefs, savePrefs } from "../room/prefs";
import { Room } from "../room/room";
import { LightElement } from "./element";
import "./ended-screen";
import "./meeting";
import "./prejoin";

/** The whole meeting page, from the address to the last screen. */
export class MeetingApp extends LightElement {
  static override properties = { room: { state: true }, name: { state: true } };
  declare room: Room | undefined;
  declare name: string;
  readonly #params: MeetingParams = readParams(new URL(location.href));
  readonly #bridge = EmbedBridge.ofThisPage();
  #local: LocalMedia;
  #off: (() => void)[] = [];

  constructor() {
    super();
    const prefs = loadPrefs();
    this.name = this.#params.displayName || prefs.name || "";
    this.#local = new LocalMedia(prefs);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.title = `${this.#params.roomName || "Meeting"} · Meetcast`;
    addEventListener("pagehide", this.#onHide);
    if (!this.#params.token) return;
    this.#startDevices();
    if (!this.#params.prejoin) this.#join(this.name);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("pagehide", this.#onHide);
  }

  /** A closed tab says good-bye, so that nobody waits for it to resume. */
  #onHide = (e: PageTransitionEvent): void => {
    if (!e.persisted) this.room?.leave();
  };

  /** Opens what was open last time. Both at once: one question instead of two where possible. */
  #startDevices(): void {
    const prefs = loadPrefs();
    const { startMuted } = this.#params;
    const camera = !startMuted.camera && (prefs.cameraOn !== false || !this.#params.prejoin);
    const microphone = !startMuted.microphone && (prefs.microphoneOn !== false || !this.#params.prejoin);
    if (camera) void this.#local.setCamera(true);
    if (microphone) void this.#local.setMicrophone(true);
  }

  protected override render() {
    const { room } = this;
    if (!this.#params.token) {
      return html`<mc-ended
        .ended=${{ reason: "refused", message: "This address has no invitation in it. It may have been copied only in part." }}
      ></mc-ended>`;
    }
    if (room?.ended) return html`<mc-ended .ended=${room.ended} @mc-again=${this.#again}></mc-ended>`;
    if (room?.inside) {
      return html`<mc-meeting .room=${room} .token=${this.#params.token} .roomName=${this.#params.roomName}></mc-meeting>`;
    }
    if (!this.#params.prejoin) {
      return html`<main class="joining" data-testid="joining"><span class="spinner"></span><p class="muted">Joining…</p></main>`;
    }
    return html`<mc-prejoin
        .local=${this.#local}
        .name=${this.name}
        .roomName=${this.#params.roomName}
        .moderator=${readClaims(this.#params.token)?.moderator === true}
        .busy=${room !== undefined}
        @mc-join=${(e: CustomEvent<string>) => this.#join(e.detail)}
      ></mc-prejoin>
      ${room ? html`<p class="visually-hidden" role="status">Joining…</p>` : nothing}`;
  }

  #join(name: string): void {
    this.name = name;
    if (this.#params.prejoin) {
      savePrefs({ name, cameraOn: this.#wanted("camera"), microphoneOn: this.#wanted("microphone") });
    }
    const server = new URL(PATH, location.href);
    server.protocol = server.protocol === "https:" ? "wss:" : "ws:";
    const room = new Room({
      url: server.href,
      token: this.#params.token,
      room: this.#params.room,
      name: name || "Guest",
      local: this.#local,
      audioParent: document.body,
      ...(this.#params.codec ? { codec: this.#params.codec } : {}),
      relayOnly: this.#params.relayOnly,
    });
    this.#off = [room.on("change", () => this.requestUpdate())];
    if (this.#local.choice.speaker) void room.media.chooseSpeaker(this.#local.choice.speaker);
    this.#bridge?.attach(room);
    this.room = room;
    room.join();
  }

  /** Whether a device is to be opened next time: yes if it was on, or would not start today. */
  #wanted(device: "camera" | "microphone"): boolean {
    return this.#local.state(device) === "on" || this.#local.problems[device] !== undefined;
  }

  /** Back to the beginning, with the devices as they were chosen. */
  #again = (): void => {
    if (this.room?.ended?.reason === "bug") return location.reload();
    for (const off of this.#off.splice(0)) off();
    this.room?.close();
    this.room = undefined;
    this.#local = new LocalMedia(loadPrefs());
    this.#startDevices();
    if (!this.#params.prejoin) this.#join(this.name);
  };
}

customElements.define("mc-app", MeetingApp);
