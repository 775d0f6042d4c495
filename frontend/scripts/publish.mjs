// Puts the finished build in the place of dist, from which Go embeds it: a build
// that fails, or is still running, never leaves half a dist behind.
import { renameSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const old = `${root}node_modules/.pages-old`;

rmSync(old, { recursive: true, force: true });
try {
  renameSync(`${root}dist`, old);
} catch (err) {
  if (err.code !== "ENOENT") throw err;
}
renameSync(`${root}node_modules/.pages`, `${root}dist`);
rmSync(old, { recursive: true, force: true });
