import { html, nothing } from "lit";
import type { StatsSummary } from "../media/stats";
import { LIMITS } from "../protocol/messages";
import { savePrefs } from "../room/prefs";
import { RoomElement } from "./element";
import { SHORTCUTS } from "./shortcuts";
import "./device-fields";
import "./dialog";

const STATS_EVERY = 2000; // ms

/** Name, devices, the state of the connection and the keyboard shortcuts. */
export class SettingsDialog extends RoomElement {
  static override properties = { ...RoomElement.properties, stats: { state: true } };
  declare stats: StatsSummary | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    const look = async () => (this.stats = await this.room.media.stats());
    void look();
    this.#timer = setInterval(() => void look(), STATS_EVERY);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  protected override render() {
    return html`<mc-dialog heading="Settings" testid="settings-dialog" .body=${this.#body()}></mc-dialog>`;
  }

  #body() {
    return html`<div class="stack settings">
      <form class="field" @submit=${this.#rename}>
        <label for="own-name">Your name</label>
        <div class="copy-row">
          <input
            class="input"
            id="own-name"
            name="name"
            data-testid="rename"
            maxlength=${LIMITS.name}
            .value=${this.room.me?.name ?? ""}
          />
          <button class="button">Save</button>
        </div>
      </form>
      <mc-devices
        .local=${this.room.local}
        @mc-speaker=${(e: CustomEvent<string>) => void this.room.media.chooseSpeaker(e.detail)}
      ></mc-devices>
      <section class="stack-small" aria-label="Connection">
        <h3>Connection</h3>
        <dl class="facts">${this.#facts()}</dl>
      </section>
      <section class="stack-small" aria-label="Keyboard shortcuts">
        <h3>Keyboard shortcuts</h3>
        <dl class="facts">
          ${SHORTCUTS.filter((s) => !s.moderator || this.room.moderator).map(
            (s) => html`<div><dt>${s.label}</dt><dd><kbd class="kbd">${s.key.toUpperCase()}</kbd></dd></div>`,
          )}
        </dl>
      </section>
    </div>`;
  }

  #facts() {
    const s = this.stats;
    const fact = (name: string, value: string) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
    return html`
      ${fact("Delay to the server", s?.roundTrip === undefined ? "measuring…" : `${Math.round(s.roundTrip)} ms`)}
      ${s
        ? html`${fact("Sending", rate(s.sending))} ${fact("Receiving", rate(s.receiving))}
          ${fact("Lost on the way", `${(s.loss * 100).toFixed(1)} %`)}
          ${s.path ? fact("Path", s.path.toUpperCase()) : nothing}`
        : nothing}
    `;
  }

  // An arrow: the form is rendered by the dialog, which would be "this" otherwise.
  readonly #rename = async (e: Event): Promise<void> => {
    e.preventDefault();
    const name = String(new FormData(e.target as HTMLFormElement).get("name") ?? "").trim();
    if (!name || name === this.room.me?.name) return;
    if (await this.room.rename(name)) {
      savePrefs({ name });
      this.room.notify({ kind: "info", text: `You are now shown as ${name}.` });
    }
  };
}

const rate = (bits: number) => (bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bits / 1000)} kbit/s`);

customElements.define("mc-settings", SettingsDialog);
