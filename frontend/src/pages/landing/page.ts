import { html, nothing } from "lit";
import { ArrowRight, CodeXml, KeyRound, Radio, Video } from "lucide";
import { NanoMeetError } from "../../lib/nanomeet/failure";
import { LightElement } from "../../ui/element";
import { icon } from "../../ui/icon";
import { brand } from "../shared/brand";
import { readInvite } from "../shared/invite";
import { codeBlock } from "../shared/link-row";
import { embedSnippet, helperPath, meetingLink, playerPath, samplePath } from "../shared/links";

/** The landing page: what this server is, and the way in. */
export class LandingPage extends LightElement {
  #problem = "";

  protected override render(): unknown {
    return html`<div class="page landing">
      <header class="page-header">
        ${brand()}
        <nav aria-label="Pages">
          <a class="button quiet" href=${helperPath}>${icon(KeyRound)}<span>Token creator</span></a>
        </nav>
      </header>
      <main>
        <section class="hero">
          <h1>Meet in the browser.<br />Go live with one button.</h1>
          <p class="lead">
            This server hosts video meetings and broadcasts them: a moderator presses one button, and everybody with the link watches
            about a second behind the room.
          </p>
          ${this.#joinForm()}
          ${picture()}
        </section>
        <section class="ways" aria-label="Pages of this server">
          ${way(KeyRound, "Make a room", "Create a room and its invite links with your API key.", helperPath)}
          ${way(Video, "Try the sample", "A page that embeds a room as yours would, with invites and broadcast.", samplePath)}
          ${way(Radio, "Watch a stream", "Play a live stream by its name.", playerPath)}
        </section>
        <section class="embed">
          <div>
            <h2>${icon(CodeXml)} Put a room into your page</h2>
            <p class="muted">
              Make a token on your server or in the <a class="link" href=${helperPath}>token creator</a>, then load the script and call
              <code class="code">init</code>. Type declarations are beside the script.
            </p>
          </div>
          ${codeBlock(embedSnippet(location.origin, "TOKEN"), "embed code")}
        </section>
      </main>
      <footer class="page-footer">
        <span>Meetcast, self-hosted</span>
        <a class="link" href="/js/nanomeet.js">nanomeet.js</a>
        <a class="link" href="/js/nanomeet.d.ts">Type declarations</a>
      </footer>
    </div>`;
  }

  #joinForm(): unknown {
    return html`<form class="join" novalidate @submit=${this.#join}>
      <label class="visually-hidden" for="invite">Invite link or token</label>
      <input
        class="input large"
        id="invite"
        name="invite"
        placeholder="Paste an invite link"
        autocomplete="off"
        spellcheck="false"
        aria-invalid=${this.#problem ? "true" : "false"}
        aria-describedby="invite-problem"
        @input=${() => this.#say("")}
      />
      <button class="button primary large">Join ${icon(ArrowRight)}</button>
      <p class="hint error" id="invite-problem" role="alert">${this.#problem || nothing}</p>
    </form>`;
  }

  readonly #join = (event: SubmitEvent): void => {
    event.preventDefault();
    const text = new FormData(event.target as HTMLFormElement).get("invite");
    try {
      const { token, payload } = readInvite(String(text ?? ""), Date.now());
      location.assign(meetingLink(location.origin, payload.sub, payload.room, token));
    } catch (error) {
      this.#say(error instanceof NanoMeetError ? error.message : String(error));
      this.querySelector<HTMLInputElement>("#invite")?.focus();
    }
  };

  #say(problem: string): void {
    this.#problem = problem;
    this.requestUpdate();
  }
}

// picture shows a room on air, in outline; decoration only.
function picture(): unknown {
  return html`<div class="picture" aria-hidden="true">
    <div class="picture-bar"><span class="badge live">LIVE</span><span class="badge">0.8 s</span></div>
    ${["AK", "JM", "SO", "LT"].map((initials, i) => html`<div class="tile ${i === 1 ? "speaks" : ""}"><span>${initials}</span></div>`)}
  </div>`;
}

function way(node: typeof Radio, title: string, text: string, href: string): unknown {
  return html`<a class="card way" href=${href}>
    <span class="way-icon">${icon(node)}</span>
    <span class="way-title">${title} ${icon(ArrowRight)}</span>
    <span class="muted">${text}</span>
  </a>`;
}

customElements.define("meetcast-landing", LandingPage);
