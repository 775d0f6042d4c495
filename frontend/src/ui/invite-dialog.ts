import { html, nothing } from "lit";
import { TriangleAlert } from "lucide";
import { createInvite } from "../room/invite";
import { LightElement } from "./element";
import { icon } from "./icon";
import "./copy-field";
import "./dialog";

/** Makes an invitation: role, optional dates, then the link to copy. Tells "mc-close". */
export class InviteDialog extends LightElement {
  static override properties = {
    token: {},
    link: { state: true },
    role: { state: true },
    error: { state: true },
    busy: { state: true },
  };
  declare token: string;
  declare link: string;
  /** Of the link that is shown. */
  declare role: string;
  declare error: string;
  declare busy: boolean;

  protected override render() {
    return html`<mc-dialog heading="Invite people" testid="invite-dialog" .body=${this.#body()}></mc-dialog>`;
  }

  #body() {
    return html`<form class="stack" @submit=${this.#create} @change=${() => (this.link = "")}>
      <fieldset class="segmented" role="radiogroup" aria-label="Role">
        <label><input type="radio" name="role" value="participant" checked data-testid="invite-participant" />Participant</label>
        <label><input type="radio" name="role" value="moderator" data-testid="invite-moderator" />Moderator</label>
      </fieldset>
      <p class="hint">
        Participants talk, share and chat. Moderators can also invite, mute, remove people and go live.
      </p>
      <details class="plain-details">
        <summary>Limit when the link works</summary>
        <div class="two-columns">
          <div class="field">
            <label for="invite-from">From <span class="optional">optional</span></label>
            <input class="input" type="datetime-local" id="invite-from" name="from" />
          </div>
          <div class="field">
            <label for="invite-until">Until <span class="optional">optional</span></label>
            <input class="input" type="datetime-local" id="invite-until" name="until" />
          </div>
        </div>
        <p class="hint">In your own time zone. Without dates it works as long as your own invitation.</p>
      </details>
      ${this.error ? html`<div class="notice error" role="alert">${icon(TriangleAlert)}<span>${this.error}</span></div>` : nothing}
      ${this.link
        ? html`<mc-copy label=${`Link for a ${this.role}`} .value=${this.link} testid="invite-link"></mc-copy>
            <p class="hint">Anyone with this link can join. A link can be used by several people.</p>`
        : html`<button class="button primary wide" data-testid="invite-create" aria-busy=${this.busy ? "true" : "false"}>
            Create link
          </button>`}
    </form>`;
  }

  // An arrow: the form is rendered by the dialog, which would be "this" otherwise.
  readonly #create = async (e: Event): Promise<void> => {
    e.preventDefault();
    if (this.busy) return;
    const form = new FormData(e.target as HTMLFormElement);
    const text = (name: string) => String(form.get(name) ?? "");
    this.busy = true;
    this.error = "";
    try {
      this.link = await createInvite(
        this.token,
        { moderator: text("role") === "moderator", notBefore: text("from"), expires: text("until") },
        new URL(location.href),
      );
      this.role = text("role");
    } catch (err) {
      this.error = (err as Error).message;
    }
    this.busy = false;
  };
}

customElements.define("mc-invite", InviteDialog);
