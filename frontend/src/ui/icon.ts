import type { IconNode } from "lucide";
import { html, type TemplateResult } from "lit";
import { unsafeSVG } from "lit/directives/unsafe-svg.js";

const cache = new Map<IconNode, TemplateResult>();

/** A Lucide icon in the colour of its text; decoration only, the name stands in the control. */
export function icon(node: IconNode): TemplateResult {
  let template = cache.get(node);
  if (!template) cache.set(node, (template = draw(node)));
  return template;
}

// The content is a constant of the icon package, never text of a person.
function draw(node: IconNode): TemplateResult {
  const shapes = node
    .map(([tag, attributes]) => `<${tag} ${Object.entries(attributes).map(([name, value]) => `${name}="${value}"`).join(" ")}/>`)
    .join("");
  return html`<svg
    viewBox="0 0 24 24"
    width="24"
    height="24"
    fill="none"
    stroke="currentColor"
    stroke-width="1.75"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
    focusable="false"
  >
    ${unsafeSVG(shapes)}
  </svg>`;
}
