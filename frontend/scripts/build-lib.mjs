// Builds the classic scripts that other people's pages load with a <script>
// tag: js/nanomeet.js and, as soon as its source exists, external_api.js.
// Each is one self-contained IIFE; an IIFE build takes one entry, hence the loop.
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));

for (const name of ["nanomeet", "external_api"]) {
  const entry = `${root}src/lib/${name}.ts`;
  if (!existsSync(entry)) continue;
  await build({
    root,
    configFile: false,
    publicDir: false,
    logLevel: "warn",
    build: {
      outDir: "node_modules/.pages/js",
      emptyOutDir: false,
      target: "es2020",
      lib: { entry, formats: ["iife"], name: `__meetcast_${name}`, fileName: () => `${name}.js` },
    },
  });
  await writeFile(`${root}node_modules/.pages/js/${name}.d.ts`, `export * from "./types/lib/${name}";\n`);
}
