// Drives one Firefox for the tests over WebDriver BiDi: reads a JSON command a
// line from stdin, answers each with a line on stdout.
//   {"id":1,"open":"URL"} {"id":2,"eval":"expression"} {"id":3,"screenshot":"file"}
//   -> {"id":1} {"id":2,"value":"text"} {"id":3,"error":"…"} and {"console":"…"}
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

const options = JSON.parse(process.argv[2]);
const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");

const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: options.program,
  headless: true,
  userDataDir: options.profile,
  acceptInsecureCerts: true,
  extraPrefsFirefox: {
    "media.navigator.streams.fake": true,
    "media.navigator.permission.disabled": true,
    "media.peerconnection.ice.loopback": true,
    "media.peerconnection.ice.obfuscate_host_addresses": false,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "media.autoplay.block-webaudio": false,
    "media.getusermedia.audio.processing.hardware.enabled": false,
    "media.gmp-manager.updateEnabled": false,
    "app.update.enabled": false,
    "datareporting.policy.dataSubmissionEnabled": false,
    "toolkit.telemetry.enabled": false,
    ...options.preferences,
  },
  defaultViewport: { width: options.width, height: options.height },
});
const page = await browser.newPage();
page.on("console", (m) => ["error", "warn"].includes(m.type()) && say({ console: `${m.type()}: ${m.text()}` }));
page.on("pageerror", (e) => say({ console: `exception: ${e.stack ?? e}` }));
await page.evaluateOnNewDocument(options.script);
say({ ready: await browser.version() });

const commands = {
  open: (url) => page.goto(url),
  eval: (expression) => page.evaluate(expression),
  screenshot: (path) => page.screenshot({ path }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, ...rest } = JSON.parse(line);
  const [name, argument] = Object.entries(rest)[0];
  // Not awaited: a command that hangs must not hold up those after it.
  commands[name](argument).then(
    (value) => say({ id, value: name === "eval" ? value : undefined }),
    (error) => say({ id, error: String(error.message ?? error) }),
  );
}
await browser.close();
