/**
 * The payload of a JWT (RFC 7519), read without verifying it: only the server
 * can, and does. Undefined when there is none that is an object.
 */
export function readPayload(token: string): Record<string, unknown> | undefined {
  const parts = token.split(".");
  if (parts.length !== 3) return undefined;
  try {
    const payload: unknown = JSON.parse(decodeBase64URL(parts[1]!));
    if (typeof payload === "object" && payload !== null && !Array.isArray(payload)) return payload as Record<string, unknown>;
  } catch {
    // Not base64, not UTF-8 or not JSON.
  }
  return undefined;
}

function decodeBase64URL(text: string): string {
  const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(binary, (c) => c.charCodeAt(0)));
}
