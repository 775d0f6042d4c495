import { fail } from "./failure";

/** Where the client script lies below the server's public URL. */
const scriptPath = /(\/nanomeet-frontend)?\/js\/nanomeet\.js$/;

/**
 * baseOfScript derives the server's public URL from the address that the
 * script was loaded from, without a slash at the end. A script from elsewhere
 * (a bundle, a copy) gives its origin.
 */
export function baseOfScript(src: string): string {
  const url = new URL(src);
  const path = scriptPath.test(url.pathname) ? url.pathname.replace(scriptPath, "") : "";
  return url.origin + path;
}

/**
 * baseOfServer reads the server option: "https://meet.example.com", a URL with
 * a path below which the server is mounted, or a bare host. A bare host is
 * asked over https, or over http when it is this machine.
 */
export function baseOfServer(server: string): string {
  const text = server.trim();
  const local = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?(\/|$)/i.test(text);
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `${local ? "http" : "https"}://${text}`;
  let url: URL;
  try {
    url = new URL(full);
  } catch {
    return refuse(server);
  }
  if ((url.protocol !== "https:" && url.protocol !== "http:") || url.username || url.password) refuse(server);
  return url.origin + url.pathname.replace(/\/+$/, "");
}

function refuse(server: string): never {
  return fail("Invalid server", `"${server}" is not the address of a server. Write it like https://meet.example.com.`);
}
