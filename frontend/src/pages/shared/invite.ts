import { NanoMeetError } from "../../lib/nanomeet/failure";
import { checkUsable, type TokenPayload } from "../../lib/nanomeet/token";

/** An invite that somebody pasted. */
export interface Invite {
  token: string;
  payload: TokenPayload;
}

/** readInvite finds the token in an invite link, a meeting link or a bare token; now is Unix ms. */
export function readInvite(text: string, now: number): Invite {
  const token = tokenIn(text.trim());
  if (!token) throw new NanoMeetError("No invite", "Paste the whole invite link, or the token itself.");
  return { token, payload: checkUsable(token, now) };
}

function tokenIn(text: string): string {
  if (!/^https?:\/\//i.test(text)) return text;
  try {
    const { searchParams } = new URL(text);
    return searchParams.get("token") ?? searchParams.get("jwt") ?? "";
  } catch {
    return "";
  }
}
