// Prints the compressed weight of each page's scripts and styles, and fails
// when the meeting page is over its budget.
import { existsSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const budget = { meeting: 200 * 1024 }; // bytes, gzip

/** Everything a page loads before it can be used: its links, and their static imports. */
function closure(page) {
  const seen = new Set();
  const queue = [...readFileSync(`${dist}${page}.html`, "utf8").matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((m) => m[1]);
  for (let file; (file = queue.pop()); ) {
    if (seen.has(file)) continue;
    seen.add(file);
    if (!file.endsWith(".js")) continue;
    const code = readFileSync(dist + file, "utf8");
    for (const m of code.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) queue.push(`assets/${m[1]}`);
  }
  return [...seen];
}

const weight = (file) => statSync(existsSync(`${dist}${file}.gz`) ? `${dist}${file}.gz` : dist + file).size;

for (const page of ["meeting", "index", "helper", "sample", "player"]) {
  const bytes = closure(page).reduce((sum, file) => sum + weight(file), 0);
  console.log(`page_${page}_gzip ${(bytes / 1024).toFixed(1)} KiB`);
  if (bytes > (budget[page] ?? Infinity)) {
    console.error(`${page} is over its budget of ${budget[page] / 1024} KiB`);
    process.exitCode = 1;
  }
}
