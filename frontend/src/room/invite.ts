import { readClaims } from "./params";

export interface InviteRequest {
  moderator: boolean;
  /** Values of datetime-local fields in the person's own time zone; empty means as the inviter's. */
  notBefore: string;
  expires: string;
}

/** An invitation that could not be made, with a sentence that says why. */
export class InviteError extends Error {}

/**
 * Asks the server for an invitation (POST /nanomeet with the inviter's token)
 * and returns the link to send: this meeting page with the new token.
 */
export async function createInvite(
  token: string,
  request: InviteRequest,
  page: URL,
  doFetch: typeof fetch = fetch,
): Promise<string> {
  const body = {
    moderator: request.moderator,
    server: readClaims(token)?.server || page.host,
    ...date("nbf", request.notBefore),
    ...date("exp", request.expires),
  };
  let response: Response;
  try {
    response = await doFetch(new URL("/nanomeet", page), {
      method: "POST",
      headers: { "content-type": "application/json", "x-bintu-token": token },
      body: JSON.stringify(body),
    });
  } catch {
    throw new InviteError("The server could not be reached. Check your connection and try again.");
  }
  const answer = (await response.json().catch(() => ({}))) as { data?: unknown; message?: unknown };
  if (!response.ok || typeof answer.data !== "string") {
    throw new InviteError(
      typeof answer.message === "string" ? answer.message : "The server did not make the invitation. Try again.",
    );
  }
  const link = new URL(page.pathname, page);
  link.searchParams.set("jwt", answer.data);
  return link.href;
}

function date(key: "nbf" | "exp", local: string): Record<string, string> {
  if (!local) return {};
  const at = new Date(local);
  if (Number.isNaN(at.getTime())) throw new InviteError("One of the dates is not complete.");
  return { [key]: at.toISOString() };
}
