import { NanoMeetError } from "./failure";

/** How long an answer may take, in ms, before the request counts as lost. */
const patience = 20_000;

/** One request to the service; path begins with a slash. */
export interface Call {
  path: string;
  method?: "GET" | "POST";
  headers?: Record<string, string>;
  body?: unknown;
}

/** request sends one call and returns the decoded answer, or throws a NanoMeetError. */
export async function request<T>(base: string, call: Call): Promise<T> {
  const response = await send(base, call);
  const answer: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw refusal(response.status, answer);
  if (answer === undefined) {
    throw new NanoMeetError("Unexpected answer", `${base}${call.path} did not answer with JSON. Check that the address is that of the server.`, response.status);
  }
  return answer as T;
}

async function send(base: string, { path, method = "GET", headers = {}, body }: Call): Promise<Response> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), patience);
  try {
    return await fetch(base + path, {
      method,
      headers: body === undefined ? headers : { ...headers, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      credentials: "omit",
      cache: "no-store",
      signal: abort.signal,
    });
  } catch {
    const why = abort.signal.aborted ? `did not answer within ${patience / 1000} seconds` : "cannot be reached";
    throw new NanoMeetError("Server not reachable", `${base} ${why}. Check the address and the connection, then try again.`);
  } finally {
    clearTimeout(timer);
  }
}

// refusal keeps the server's own words.
function refusal(status: number, answer: unknown): NanoMeetError {
  const { error, message } = (typeof answer === "object" && answer !== null ? answer : {}) as Record<string, unknown>;
  return new NanoMeetError(
    typeof error === "string" && error ? error : `HTTP ${status}`,
    typeof message === "string" && message ? message : `The server refused the request with status ${status}.`,
    status,
  );
}
