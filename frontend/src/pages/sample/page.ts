import { html, nothing } from "lit";
import { Clock, KeyRound, PanelRight, Shield, User } from "lucide";
import { icon } from "../../ui/icon";
import { brand } from "../shared/brand";
import { dateText } from "../shared/dates";
import { helperPath } from "../shared/links";
import { ModelPage } from "../shared/model-page";
import type { SampleModel } from "./model";
import { broadcastPanel, eventsPanel, invitePanel } from "./panels";
import { noMeeting } from "./welcome";

/** The id of the div that the meeting is embedded into. */
const meetingId = "meeting";

/** The sample page: a room in a page like anybody's, with a moderator's panels beside it. */
export class SamplePage extends ModelPage<SampleModel> {
  #panels: boolean;
  #inviteModerator = false;
  #record = false;

  constructor(model: SampleModel) {
    super(model);
    this.#panels = model.moderator;
  }

  protected override firstUpdated(): void {
    void this.model.embed(meetingId);
  }

  protected override render(): unknown {
    const { payload, problem } = this.model;
    return html`<div class="page sample">
      <header class="page-header">
        ${brand()} ${payload ? this.#about() : nothing}
        <nav aria-label="Page">
          ${payload ? this.#panelsButton() : html`<a class="button quiet" href=${helperPath}>${icon(KeyRound)}<span>Token creator</span></a>`}
        </nav>
      </header>
      ${payload && !problem ? this.#meeting() : html`<main class="nothing">${noMeeting(problem)}</main>`}
    </div>`;
  }

  #about(): unknown {
    const { room, exp } = this.model.payload!;
    const { moderator } = this.model;
    return html`<div class="about">
      <strong>${room.replaceAll("_", " ")}</strong>
      <span class="badge ${moderator ? "accent" : ""}">${icon(moderator ? Shield : User)} ${moderator ? "Moderator" : "Participant"}</span>
      ${exp ? html`<span class="badge until" title="The token is valid until then">${icon(Clock)} ${dateText(exp * 1000)}</span>` : nothing}
      ${this.model.broadcast.status === "live" ? html`<span class="badge live">LIVE</span>` : nothing}
    </div>`;
  }

  #panelsButton(): unknown {
    const label = this.#panels ? "Hide the panels" : "Show the panels";
    return html`<button class="icon-button" aria-pressed=${this.#panels ? "true" : "false"} title=${label} aria-label=${label} @click=${this.#togglePanels}>
      ${icon(PanelRight)}
    </button>`;
  }

  #meeting(): unknown {
    return html`<main class=${this.#panels ? "with-panels" : ""}>
      <div id=${meetingId} class="meeting"></div>
      <aside class="panels" ?hidden=${!this.#panels} aria-label="Panels">
        ${this.model.moderator
          ? [
              invitePanel(this.model, this.#inviteModerator, (moderator) => this.#set(() => (this.#inviteModerator = moderator))),
              broadcastPanel(this.model, this.#record, (record) => this.#set(() => (this.#record = record))),
            ]
          : nothing}
        ${eventsPanel(this.model)}
      </aside>
    </main>`;
  }

  readonly #togglePanels = (): void => this.#set(() => (this.#panels = !this.#panels));

  #set(change: () => void): void {
    change();
    this.requestUpdate();
  }
}

customElements.define("meetcast-sample", SamplePage);
