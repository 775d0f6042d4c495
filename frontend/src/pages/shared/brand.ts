import { html, type TemplateResult } from "lit";

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
