// Contrast of the design tokens, WCAG 2.2 §1.4.3 and §1.4.11, in both themes.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");
const values = new Map<string, string>();
for (const match of css.matchAll(/--([\w-]+):\s*([^;]+);/g)) {
  const [, name, value] = match;
  if (name && value && !values.has(name)) values.set(name, value.trim());
}

type Theme = "dark" | "light";

// resolve follows var() and light-dark() to a #rrggbb colour.
function resolve(value: string, theme: Theme): string {
  const pair = /^light-dark\((.+),\s*(.+)\)$/.exec(value);
  if (pair) return resolve((theme === "light" ? pair[1] : pair[2]) ?? "", theme);
  const name = /^var\(--([\w-]+)\)$/.exec(value)?.[1];
  if (name) return resolve(values.get(name) ?? "", theme);
  return value.trim();
}

function luminance(hex: string): number {
  if (!/^#[0-9a-f]{6}$/i.test(hex)) throw new Error(`not a colour: ${hex}`);
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

// What lies on what: text wants 4.5, the edges of controls and icons 3.
const text: [string, string[]][] = [
  ["text", ["bg", "surface", "surface-raised", "surface-sunken", "control", "control-hover", "control-active", "field"]],
  ["text-muted", ["bg", "surface", "surface-raised", "control", "control-hover"]],
  ["text-faint", ["bg", "surface", "surface-raised", "field"]],
  ["accent-text", ["bg", "surface", "surface-raised", "accent-soft"]],
  ["on-accent", ["accent", "accent-hover", "accent-active"]],
  ["on-danger", ["danger", "danger-hover", "danger-active"]],
  ["on-live", ["live"]],
  ["danger-text", ["bg", "surface", "surface-raised", "danger-soft"]],
  ["warning-text", ["surface", "warning-soft"]],
  ["stage-text", ["stage", "stage-raised"]],
  ["stage-text-muted", ["stage", "stage-raised"]],
];
const edges: [string, string[]][] = [
  ["border-strong", ["bg", "surface", "surface-raised", "field", "control"]],
  ["focus", ["bg", "surface", "surface-raised", "control"]],
  ["speaking", ["stage", "stage-raised"]],
  ["danger", ["bg", "stage"]],
];

describe.each(["dark", "light"] as const)("%s theme", (theme) => {
  const colour = (name: string) => resolve(`var(--color-${name})`, theme);
  const cases = [
    ...text.flatMap(([front, backs]) => backs.map((back) => [front, back, 4.5] as const)),
    ...edges.flatMap(([front, backs]) => backs.map((back) => [front, back, 3] as const)),
  ];
  it.each(cases)("%s on %s keeps %f:1", (front, back, least) => {
    expect(contrast(colour(front), colour(back))).toBeGreaterThanOrEqual(least);
  });
});
