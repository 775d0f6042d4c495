import type { IconNode } from "lucide";
import { html, svg, type TemplateResult } from "lit";
import { unsafeSVG } from "lit/directives/unsafe-svg.js";

const cache = new Map<IconNode, TemplateResult>();

/** A Lucide icon as a template; decoration only, the name stands in the control. */
export function icon(node: IconNode): TemplateResult {
  let template = cache.get(node);
  if (!template) {
    // The content is a constant of the icon package, never text of a person.
    const inner = node
      .map(([tag, attrs]) => `<${tag} ${Object.entries(attrs).map(([k, v]) => `${k}="${v}"`).join(" ")}/>`)
      .join("");
    template = html`<svg
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.75"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      ${svg`${unsafeSVG(inner)}`}
    </svg>`;
    cache.set(node, template);
  }
  return template;
}
