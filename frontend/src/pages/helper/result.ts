import { html, nothing, type TemplateResult } from "lit";
import { ArrowRight, CircleCheck, KeyRound, Video } from "lucide";
import { decodeToken, type TokenPayload } from "../../lib/nanomeet/token";
import { dateText } from "../shared/dates";
import { icon } from "../../ui/icon";
import { codeBlock, linkRow } from "../shared/link-row";
import { embedSnippet, meetingLink, sampleLink } from "../shared/links";
import type { HelperResult } from "./model";

/** emptyResult stands where the result will be. */
export function emptyResult(): TemplateResult {
  return html`<div class="card empty">
    <span class="empty-icon">${icon(KeyRound)}</span>
    <h2>Your room appears here</h2>
    <ol>
      <li>Create the token.</li>
      <li>Open the room as moderator.</li>
      <li>Send the invite link to the others.</li>
      <li>Press Start broadcast when you are ready.</li>
    </ol>
  </div>`;
}

/** result shows what was made: links, token, code. */
export function result({ room, invites }: HelperResult): TemplateResult {
  const { origin } = location;
  const payload = decodeToken(room.token);
  const open = sampleLink(origin, room.token);
  return html`
    <div class="card ready">
      <div class="ready-head">
        <span class="good">${icon(CircleCheck)}</span>
        <div>
          <h2>${room.room}</h2>
          <p class="muted">Valid until ${dateText((payload.exp ?? NaN) * 1000)}</p>
        </div>
        <span class="badge ${room.moderator ? "accent" : ""}">${room.moderator ? "Moderator" : "Participant"}</span>
      </div>
      <div class="ready-actions">
        <a class="button primary large" id="open-room" href=${open} target="_blank" rel="noopener">Open the room ${icon(ArrowRight)}</a>
        <a class="button large" id="open-meeting" href=${meetingLink(origin, payload.sub, payload.room, room.token)} target="_blank" rel="noopener"
          >${icon(Video)} Meeting only</a
        >
      </div>
    </div>

    ${room.moderator ? inviteCard(invites) : inviteCard({ participant: open })}

    <div class="card">
      <h3>Embed it</h3>
      <p class="muted">Paste this into your page. The token belongs to one role: make one per visitor on your server.</p>
      ${codeBlock(embedSnippet(origin, room.token), "embed code")}
    </div>

    <div class="card">
      <h3>Token</h3>
      ${codeBlock(room.token, "token", true)}
      <details class="claims">
        <summary>What is in it</summary>
        ${claims(payload)}
      </details>
    </div>
  `;
}

function inviteCard({ moderator, participant }: HelperResult["invites"]): TemplateResult {
  return html`<div class="card">
    <h3>Invite</h3>
    ${participant
      ? html`<div class="field" id="participant-invite"><span class="label">Participants</span>${linkRow(participant, "participant link")}</div>`
      : nothing}
    ${moderator
      ? html`<div class="field" id="moderator-invite"><span class="label">Moderators</span>${linkRow(moderator, "moderator link")}
          <p class="hint">Moderators can remove people and broadcast. Send it only to whom you trust.</p>
        </div>`
      : nothing}
    ${participant || moderator ? nothing : html`<p class="muted">Invites can be made once the token is valid, in the room or on the sample page.</p>`}
  </div>`;
}

const meanings: Record<string, string> = {
  iss: "Issuer",
  aud: "Audience",
  sub: "Organisation",
  room: "Room",
  streamname: "Stream",
  server: "Server",
  moderator: "Moderator",
  nbf: "Valid from",
  exp: "Valid until",
  iat: "Issued at",
  jti: "Token id",
};

function claims(payload: TokenPayload): TemplateResult {
  return html`<table class="table">
    <tbody>
      ${Object.entries(payload).map(
        ([name, value]) => html`<tr>
          <th scope="row">${meanings[name] ?? name} <code class="code">${name}</code></th>
          <td>${claim(name, value)}</td>
        </tr>`,
      )}
    </tbody>
  </table>`;
}

function claim(name: string, value: unknown): string {
  if (["nbf", "exp", "iat"].includes(name) && typeof value === "number") return dateText(value * 1000);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "string" ? value : JSON.stringify(value);
}
