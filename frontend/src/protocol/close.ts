/** What a close code of the signaling socket (RFC 6455 §7.4.2) asks the page to do. */
export type CloseMeaning =
  /** Connect again, and resume. */
  | "retry"
  /** Nothing to resume: connect again and join anew. */
  | "rejoin"
  /** The end, with the reason. */
  | "refused"
  | "kicked"
  | "replaced"
  /** No room for one more: say so; trying again is up to the person. */
  | "full"
  | "bug";

/** The close codes of the protocol; all others are those of a lost connection. */
export const CLOSE = {
  badMessage: 4400,
  unauthorized: 4401,
  kicked: 4403,
  gone: 4404,
  timeout: 4408,
  replaced: 4409,
  rate: 4429,
  internal: 4500,
  full: 4503,
} as const;

export function meaning(code: number): CloseMeaning {
  switch (code) {
    case CLOSE.badMessage:
      return "bug";
    case CLOSE.unauthorized:
      return "refused";
    case CLOSE.kicked:
      return "kicked";
    case CLOSE.gone:
      return "rejoin";
    case CLOSE.replaced:
      return "replaced";
    case CLOSE.full:
      return "full";
  }
  return "retry";
}
