import { html, nothing, type TemplateResult } from "lit";
import { Radio, Square, TriangleAlert, UserPlus } from "lucide";
import type { Failure } from "../../lib/nanomeet";
import { icon } from "../../ui/icon";
import { linkRow } from "../shared/link-row";
import type { SampleModel } from "./model";

/** invitePanel makes invite links. */
export function invitePanel(model: SampleModel, moderator: boolean, choose: (moderator: boolean) => void): TemplateResult {
  const choice = (value: boolean, label: string) =>
    html`<label><input type="radio" name="invite-role" .checked=${moderator === value} @change=${() => choose(value)} />${label}</label>`;
  return html`<section class="card" id="invite-panel">
    <h2>${icon(UserPlus)} Invite</h2>
    <div class="segmented" role="radiogroup" aria-label="Role of the invited">${choice(false, "Participant")}${choice(true, "Moderator")}</div>
    <button class="button wide" id="create-invite" aria-busy=${model.inviting ? "true" : "false"} @click=${() => model.createInvite(moderator)}>
      Create invite link
    </button>
    ${model.invite
      ? html`<div class="field" id="invite-link">
          <span class="label">For a ${model.invite.moderator ? "moderator" : "participant"}</span>${linkRow(model.invite.link, "invite link")}
        </div>`
      : nothing}
    ${problem(model.inviteProblem)}
  </section>`;
}

const statusWords: Record<string, string> = {
  idle: "Off",
  starting: "Starting…",
  live: "LIVE",
  reconnecting: "Reconnecting…",
  stopping: "Stopping…",
  stopped: "Ended",
  failed: "Failed",
};
const statusLooks: Record<string, string> = { live: "live", reconnecting: "warning", starting: "accent", failed: "danger" };

/** broadcastPanel goes live and shows the links. */
export function broadcastPanel(model: SampleModel, record: boolean, setRecord: (record: boolean) => void): TemplateResult {
  const { status, reason, live, vod } = model.broadcast;
  return html`<section class="card" id="broadcast-panel">
    <h2>
      ${icon(Radio)} Broadcast
      <span class="badge ${statusLooks[status] ?? ""}" id="broadcast-status" role="status">${statusWords[status] ?? status}</span>
    </h2>
    ${model.onAir ? nothing : startControls(model, record, setRecord)}
    ${model.onAir
      ? html`<button class="button danger wide" id="stop-broadcast" aria-busy=${model.busy ? "true" : "false"} @click=${() => model.stopBroadcast()}>
          ${icon(Square)} Stop broadcast
        </button>`
      : nothing}
    ${reason ? html`<p class="notice ${status === "failed" ? "error" : "warning"}">${icon(TriangleAlert)}<span>${reason}</span></p>` : nothing}
    ${problem(model.broadcastProblem)}
    ${live && model.onAir ? html`<div class="field" id="live-link"><span class="label">Watch live</span>${linkRow(live, "live link")}</div>` : nothing}
    ${vod
      ? html`<div class="field" id="vod-link">
          <span class="label">Recording</span>${linkRow(vod, "recording link")}
          ${model.onAir ? html`<p class="hint">Ready as soon as the broadcast has been stopped.</p>` : nothing}
        </div>`
      : nothing}
  </section>`;
}

function startControls(model: SampleModel, record: boolean, setRecord: (record: boolean) => void): TemplateResult {
  return html`<label class="switch">
      <input
        type="checkbox"
        role="switch"
        id="record"
        .checked=${record}
        ?disabled=${model.busy}
        @change=${(event: Event) => setRecord((event.target as HTMLInputElement).checked)}
      />
      <span>Record it</span>
    </label>
    <button
      class="button primary wide"
      id="start-broadcast"
      aria-busy=${model.busy ? "true" : "false"}
      ?disabled=${!model.joined && !model.busy}
      @click=${() => model.startBroadcast(record)}
    >
      Start broadcast
    </button>
    ${model.joined ? nothing : html`<p class="hint">Join the meeting first.</p>`}`;
}

/** eventsPanel lists what the script told. */
export function eventsPanel(model: SampleModel): TemplateResult {
  const time = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
  return html`<details class="card events">
    <summary>Events <span class="badge">${model.log.length}</span></summary>
    ${model.log.length
      ? html`<ol class="log">
          ${model.log.map(
            ({ at, name, detail }) => html`<li><time class="muted">${time.format(at)}</time><span><strong>${name}</strong> ${detail}</span></li>`,
          )}
        </ol>`
      : html`<p class="muted">What happens in the meeting is listed here.</p>`}
  </details>`;
}

function problem(failure: Failure | undefined): TemplateResult | typeof nothing {
  if (!failure) return nothing;
  return html`<p class="notice error" role="alert">${icon(TriangleAlert)}<span><strong>${failure.error}.</strong> ${failure.message}</span></p>`;
}
