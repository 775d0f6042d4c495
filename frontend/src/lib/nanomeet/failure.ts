/** What every method of NanoMeet rejects with. */
export interface Failure {
  /** Short title, such as "Invalid room name". */
  error: string;
  /** A sentence that says what to do. */
  message: string;
}

/**
 * NanoMeetError is the Failure that is thrown: a real Error, so that it has a
 * stack and shows its message in consoles, with the fields of the contract.
 */
export class NanoMeetError extends Error implements Failure {
  /** Short title. */
  readonly error: string;
  /** HTTP status when a server refused, else 0. */
  readonly status: number;

  constructor(error: string, message: string, status = 0) {
    super(message);
    this.name = "NanoMeetError";
    this.error = error;
    this.status = status;
  }
}

/** fail throws a refusal that happened before anything was sent. */
export function fail(error: string, message: string): never {
  throw new NanoMeetError(error, message);
}
