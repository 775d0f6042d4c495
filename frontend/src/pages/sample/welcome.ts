import { html, type TemplateResult } from "lit";
import { ArrowRight, TriangleAlert, Video } from "lucide";
import type { Failure } from "../../lib/nanomeet";
import { icon } from "../../ui/icon";
import { helperPath } from "../shared/links";

/** noMeeting stands where the meeting would be: no token, or one that is of no use. */
export function noMeeting(problem: Failure | undefined): TemplateResult {
  return html`<div class="welcome">
    <span class="welcome-icon ${problem ? "bad" : ""}">${icon(problem ? TriangleAlert : Video)}</span>
    <h1>${problem ? problem.error : "A room goes here"}</h1>
    <p class="muted">
      ${problem
        ? problem.message
        : "This page embeds a room with nanomeet.js, just as yours would. It needs a token: make one in the token creator, or open an invite link."}
    </p>
    <form class="token-form" method="get">
      <label class="visually-hidden" for="token">Token</label>
      <input class="input large mono" id="token" name="token" placeholder="Paste a token" required autocomplete="off" spellcheck="false" />
      <button class="button large">Open</button>
    </form>
    <a class="button primary large" href=${helperPath}>Make a token ${icon(ArrowRight)}</a>
  </div>`;
}
