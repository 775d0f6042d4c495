import { html } from "lit";
import { BookOpen, Video } from "lucide";
import { icon } from "../../ui/icon";
import { brand } from "../shared/brand";
import { samplePath } from "../shared/links";
import { ModelPage } from "../shared/model-page";
import { form } from "./form";
import type { HelperModel } from "./model";
import { emptyResult, result } from "./result";

/** The token creator: a form on one side, what came out on the other. */
export class HelperPage extends ModelPage<HelperModel> {
  protected override render(): unknown {
    return html`<div class="page helper">
      <a class="skip-link" href="#main">Skip to the form</a>
      <header class="page-header">
        ${brand()}
        <nav aria-label="Pages">
          <a class="button quiet" href=${samplePath}>${icon(Video)}<span>Sample page</span></a>
          <a class="button quiet" href="/">${icon(BookOpen)}<span>About</span></a>
        </nav>
      </header>
      <main id="main">
        <div class="helper-intro">
          <h1>Token creator</h1>
          <p class="muted">A token is the key to one room, for one role, for a time. Make one here to try things out, or let your server make them.</p>
        </div>
        ${form(this.model, this.#submit)}
        <section class="helper-result" aria-live="polite" aria-label="Result" tabindex="-1">
          ${this.model.result ? result(this.model.result) : emptyResult()}
        </section>
      </main>
    </div>`;
  }

  readonly #submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const made = await this.model.submit(Date.now());
    await this.updateComplete;
    const target = made ? ".helper-result" : '[aria-invalid="true"]';
    const element = this.querySelector<HTMLElement>(target);
    element?.focus({ preventScroll: made });
    if (made && matchMedia("(max-width: 900px)").matches) element?.scrollIntoView({ behavior: "smooth", block: "start" });
  };
}

customElements.define("meetcast-helper", HelperPage);
