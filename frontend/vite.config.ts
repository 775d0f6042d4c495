import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const page = (name: string) => fileURLToPath(new URL(`./${name}.html`, import.meta.url));

// Five pages, one build: what they share is loaded once and cached for good.
export default defineConfig({
  base: "/",
  publicDir: false,
  build: {
    // scripts/publish.mjs puts it in place when all is complete.
    outDir: "node_modules/.pages",
    emptyOutDir: true,
    target: "es2022",
    assetsDir: "assets",
    // The content security policy knows no data: scripts or fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rollupOptions: {
      input: {
        meeting: page("meeting"),
        index: page("index"),
        helper: page("helper"),
        sample: page("sample"),
        player: page("player"),
      },
    },
  },
  // `npx vite` against a server started with `meetcast serve`.
  server: {
    proxy: {
      "^/(api|stream|organisation|nanomeet|playout|vod|whip|whep)(/|$|\\?)": {
        target: process.env.MEETCAST_URL ?? "http://127.0.0.1:8080",
        ws: true,
      },
    },
  },
  test: {
    include: ["src/**/*.test.ts", "tests/**/*.test.ts"],
    environment: "node",
  },
} as Parameters<typeof defineConfig>[0]);
