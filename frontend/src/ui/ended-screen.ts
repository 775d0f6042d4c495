import { html, nothing, type TemplateResult } from "lit";
import { type IconNode, LogOut, MonitorX, RotateCw, TriangleAlert, UserX, Users } from "lucide";
import type { Ended } from "../room/room";
import { LightElement } from "./element";
import { icon } from "./icon";

interface Words {
  icon: IconNode;
  title: string;
  text: string;
  again?: string;
}

/** How a meeting ended, in clear words, and what can be done now. Tells "mc-again". */
export class EndedScreen extends LightElement {
  static override properties = { ended: { attribute: false } };
  declare ended: Ended;

  protected override render(): TemplateResult {
    const w = words(this.ended);
    return html`<main class="ended" data-testid="ended" data-reason=${this.ended.reason}>
      <div class="ended-box">
        <span class="ended-icon">${icon(w.icon)}</span>
        <h1>${w.title}</h1>
        <p class="muted">${w.text}</p>
        ${w.again
          ? html`<button class="button primary large" data-testid="again" @click=${() => this.tell("again")}>
              ${icon(RotateCw)} ${w.again}
            </button>`
          : nothing}
      </div>
    </main>`;
  }
}

function words({ reason, message }: Ended): Words {
  switch (reason) {
    case "left":
      return { icon: LogOut, title: "You left the meeting", text: "You can close this page now.", again: "Join again" };
    case "kicked":
      return {
        icon: UserX,
        // Without a name this is the answer at the door, where the one who was
        // removed and others with the same link cannot be told apart.
        title: message ? "You were removed from the meeting" : "This invitation no longer works",
        text: message
          ? `${message} removed you. This invitation no longer works; ask a moderator for another one if this was a mistake.`
          : "A moderator removed somebody who came with it. Ask for a new one to join.",
      };
    case "refused":
      return {
        icon: TriangleAlert,
        title: /expired/i.test(message) ? "This invitation has expired" : "You cannot join this meeting",
        text: `${sentence(message)} Ask whoever invited you for a new link.`,
      };
    case "replaced":
      return {
        icon: MonitorX,
        title: "The meeting is open somewhere else",
        text: "You joined with the same place in another tab or window, and the meeting goes on there.",
        again: "Use it here",
      };
    case "full":
      return {
        icon: Users,
        title: "The meeting is full",
        text: `${sentence(message)} Try again when somebody has left.`.trim(),
        again: "Try again",
      };
  }
  return {
    icon: TriangleAlert,
    title: "Something went wrong",
    text: `${sentence(message)} Load the page again; if that does not help, the page and the server may be of different versions.`,
    again: "Load again",
  };
}

const sentence = (text: string) => (!text ? "" : /[.!?]$/.test(text) ? text : `${text}.`);

customElements.define("mc-ended", EndedScreen);
