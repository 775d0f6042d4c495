// Writes NAME.gz and NAME.br beside every text file of the build, so that the server
// compresses nothing while it serves (embed.go picks what the browser takes).
import { readdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const dist = fileURLToPath(new URL("../node_modules/.pages/", import.meta.url));
const text = /\.(html|js|css|svg|json|map|txt|ts)$/;
const smallest = 1024; // bytes; below that the headers cost more than is won

for (const entry of await readdir(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !text.test(entry.name)) continue;
  const path = `${entry.parentPath}/${entry.name}`;
  const data = await readFile(path);
  if (data.length < smallest) continue;
  await writeFile(`${path}.gz`, await promisify(gzip)(data, { level: 9 }));
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11 };
  await writeFile(`${path}.br`, await promisify(brotliCompress)(data, { params }));
}
