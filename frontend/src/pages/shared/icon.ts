import { html, type TemplateResult } from "lit";
import { unsafeSVG } from "lit/directives/unsafe-svg.js";
import type { IconNode } from "lucide";

const markup = new WeakMap<IconNode, string>();

/** icon draws a Lucide icon in the colour of its text; it is decoration to a screen reader. */
export function icon(node: IconNode): TemplateResult {
  return html`<svg
    viewBox="0 0 24 24"
    width="24"
    height="24"
    fill="none"
    stroke="currentColor"
    stroke-width="1.9"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
    focusable="false"
  >
    ${unsafeSVG(draw(node))}
  </svg>`;
}

// draw writes the icon's shapes; they come from the package, never from input.
function draw(node: IconNode): string {
  let text = markup.get(node);
  if (text === undefined) {
    text = node
      .map(([tag, attributes]) => `<${tag} ${Object.entries(attributes).map(([name, value]) => `${name}="${value}"`).join(" ")}/>`)
      .join("");
    markup.set(node, text);
  }
  return text;
}

/** brand is the name with its mark. */
export function brand(): TemplateResult {
  return html`<a class="brand" href="/" aria-label="Meetcast, to the start page">
    <svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <rect x="2" y="5.5" width="13" height="13" rx="4" fill="currentColor" />
      <path
        d="M18 9.2a4.6 4.6 0 0 1 0 5.6M21 6.4a9 9 0 0 1 0 11.2"
        fill="none"
        stroke="currentColor"
        stroke-width="2.2"
        stroke-linecap="round"
      />
    </svg>
    <span>Meetcast</span>
  </a>`;
}
