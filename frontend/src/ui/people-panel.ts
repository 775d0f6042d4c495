import { html, nothing } from "lit";
import { Hand, Mic, MicOff, MonitorUp, ShieldCheck, UserPlus, UserX, Video, VideoOff } from "lucide";
import type { Participant } from "../protocol/messages";
import { sends } from "../room/presence";
import { RoomElement } from "./element";
import { icon } from "./icon";
import "./avatar";
import "./dialog";

/** Who is here, and what a moderator may do about it. */
export class PeoplePanel extends RoomElement {
  static override properties = { ...RoomElement.properties, kicking: { state: true } };
  /** The participant that is about to be removed, while the page asks once more. */
  declare kicking: Participant | undefined;

  protected override render() {
    const { room } = this;
    const people = order(room.presence.all, room.self);
    return html`
      <div class="people-actions">
        ${room.moderator
          ? html`<button class="button small" @click=${() => this.tell("open", "invite")}>${icon(UserPlus)} Invite</button>
              <button
                class="button small"
                data-testid="mute-everyone"
                ?disabled=${people.length < 2}
                @click=${() => void this.#muteEveryone()}
              >
                ${icon(MicOff)} Mute everyone
              </button>`
          : nothing}
      </div>
      <ul class="people" aria-label="Participants" data-testid="people">
        ${people.map((p) => this.#person(p))}
      </ul>
      ${people.some((p) => p.id === this.kicking?.id) ? this.#confirm(this.kicking!) : nothing}
    `;
  }

  #person(p: Participant) {
    const self = p.id === this.room.self;
    const mic = sends(p, "microphone");
    return html`<li class="person ${p.away ? "away" : ""}" data-participant-row=${p.id}>
      <mc-avatar name=${p.name} seed=${p.id}></mc-avatar>
      <div class="person-text">
        <span class="person-name">${p.name || "Guest"}${self ? " (you)" : ""}</span>
        <span class="person-role">
          ${p.moderator ? html`${icon(ShieldCheck)} Moderator` : nothing}
          ${p.away ? html`Reconnecting…` : nothing}
        </span>
      </div>
      <div class="person-state">
        ${p.hand ? html`<span class="raised" role="img" aria-label="Hand raised">${icon(Hand)}</span>` : nothing}
        ${sends(p, "screen") ? html`<span role="img" aria-label="Shares the screen">${icon(MonitorUp)}</span>` : nothing}
        ${this.room.moderator && !self ? this.#actions(p, mic) : this.#marks(p, mic)}
      </div>
    </li>`;
  }

  #marks(p: Participant, mic: boolean) {
    const camera = sends(p, "camera");
    return html`<span class=${mic ? "" : "is-off"} role="img" aria-label=${mic ? "Microphone on" : "Microphone off"}
        >${icon(mic ? Mic : MicOff)}</span
      ><span class=${camera ? "" : "is-off"} role="img" aria-label=${camera ? "Camera on" : "Camera off"}
        >${icon(camera ? Video : VideoOff)}</span
      >`;
  }

  #actions(p: Participant, mic: boolean) {
    const camera = sends(p, "camera");
    const mute = (source: "microphone" | "camera") => () => void this.room.muteParticipant(p.id, source);
    return html`<button
        class="icon-button small"
        data-testid="mute-participant"
        aria-label=${mic ? `Mute ${p.name}` : `${p.name} is muted`}
        title=${mic ? "Mute" : "Muted"}
        ?disabled=${!mic}
        @click=${mute("microphone")}
      >
        ${icon(mic ? Mic : MicOff)}
      </button>
      <button
        class="icon-button small"
        aria-label=${camera ? `Stop the video of ${p.name}` : `The camera of ${p.name} is off`}
        title=${camera ? "Stop video" : "Camera off"}
        ?disabled=${!camera}
        @click=${mute("camera")}
      >
        ${icon(camera ? Video : VideoOff)}
      </button>
      <button
        class="icon-button small kick"
        data-testid="kick"
        aria-label=${`Remove ${p.name}`}
        title="Remove"
        @click=${() => (this.kicking = p)}
      >
        ${icon(UserX)}
      </button>`;
  }

  #confirm(p: Participant) {
    const done = () => (this.kicking = undefined);
    return html`<mc-dialog
      heading=${`Remove ${p.name || "Guest"}?`}
      testid="kick-dialog"
      @mc-close=${(e: Event) => {
        e.stopPropagation();
        done();
      }}
      .body=${html`<p class="muted">They leave at once. The invitation they came with lets nobody in anymore: if others have the same link, send them a new one.</p>
        <div class="dialog-actions">
          <button class="button" @click=${done}>Cancel</button>
          <button
            class="button danger"
            data-testid="kick-confirm"
            @click=${() => {
              done();
              void this.room.kick(p.id);
            }}
          >
            Remove
          </button>
        </div>`}
    ></mc-dialog>`;
  }

  async #muteEveryone(): Promise<void> {
    if (await this.room.muteEveryone()) this.room.notify({ kind: "info", text: "Everyone else is muted." });
  }
}

/** Raised hands first, in the order in which they went up; oneself next; then by joining. */
function order(people: Participant[], self: string): Participant[] {
  const rank = (p: Participant) => (p.hand ? 0 : p.id === self ? 1 : 2);
  return [...people].sort((a, b) => rank(a) - rank(b) || (a.hand ?? 0) - (b.hand ?? 0));
}

customElements.define("mc-people", PeoplePanel);
