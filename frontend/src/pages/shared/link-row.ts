import { html, type TemplateResult } from "lit";
import { ExternalLink } from "lucide";
import "./copy-button";
import { icon } from "../../ui/icon";

/** linkRow shows a link with buttons that copy and open it. */
export function linkRow(url: string, label: string): TemplateResult {
  const select = (event: Event) => (event.target as HTMLInputElement).select();
  return html`<div class="link-row">
    <input class="input mono" readonly .value=${url} aria-label=${label} @focus=${select} />
    <copy-button .text=${url} label=${label}></copy-button>
    <a class="icon-button filled" href=${url} target="_blank" rel="noopener" title="Open in a new tab" aria-label="Open the ${label}">${icon(ExternalLink)}</a>
  </div>`;
}

/** codeBlock shows a text to copy. */
export function codeBlock(text: string, label: string, wrap = false): TemplateResult {
  return html`<div class="copyable">
    <pre class="code-block ${wrap ? "wrap" : ""}" tabindex="0" aria-label=${label}>${text}</pre>
    <copy-button .text=${text} label=${label}></copy-button>
  </div>`;
}
