import { html, nothing, type TemplateResult } from "lit";
import { ArrowRight, CircleCheck, Dices, TriangleAlert } from "lucide";
import { dateText, fromLocalInput, fromNow } from "../shared/dates";
import { icon } from "../../ui/icon";
import { randomRoom, type HelperForm, type HelperModel, type Problems, type StreamChoice } from "./model";

/** The names of the fields that hold text. */
type TextField = { [Field in keyof HelperForm]: HelperForm[Field] extends string ? Field : never }[keyof HelperForm];

const hour = 3600_000; // ms
const periods: [string, number][] = [
  ["1 hour", hour],
  ["1 day", 24 * hour],
  ["1 week", 7 * 24 * hour],
  ["30 days", 30 * 24 * hour],
];

/** form is the left side of the token creator. */
export function form(model: HelperModel, submit: (event: Event) => void): TemplateResult {
  const all = model.problems(Date.now());
  const shown: Problems = model.tried ? all : late(model, all);
  return html`<form class="helper-form" novalidate @submit=${submit}>
    ${step(1, "Organisation", apiKey(model, shown))}
    ${step(2, "Room", [room(model, shown), role(model)])}
    ${step(3, "Validity", period(model, shown))}
    ${step(4, "Broadcast", stream(model, shown))}
    ${advanced(model, shown)}
    ${model.failure
      ? html`<div class="notice error" role="alert">${icon(TriangleAlert)}<span><strong>${model.failure.error}.</strong> ${model.failure.message}</span></div>`
      : nothing}
    <button class="button primary large wide" aria-busy=${model.busy ? "true" : "false"}>Create token ${icon(ArrowRight)}</button>
  </form>`;
}

// late leaves out "enter something" until somebody tried to send.
function late(model: HelperModel, problems: Problems): Problems {
  const { form } = model;
  return {
    ...(form.apiKey.trim() && problems.apiKey && { apiKey: problems.apiKey }),
    ...(form.room && problems.room && { room: problems.room }),
    ...(problems.from && { from: problems.from }),
    ...(problems.until && { until: problems.until }),
  };
}

function step(number: number, title: string, content: unknown): TemplateResult {
  return html`<fieldset class="step">
    <legend><span class="step-number">${number}</span>${title}</legend>
    ${content}
  </fieldset>`;
}

function apiKey(model: HelperModel, problems: Problems): TemplateResult {
  const { key } = model;
  const trailing = { empty: nothing, checking: html`<span class="spinner"></span>`, good: html`<span class="good">${icon(CircleCheck)}</span>`, bad: nothing }[key.state];
  const hint = key.state === "good" && !problems.apiKey
    ? html`<p class="hint success" id="apiKey-hint" role="status">${key.organisation.name}</p>`
    : text(problems.apiKey, "apiKey", "It is printed at the server's first start. It never leaves this page but to this server.");
  return html`<div class="field">
    <label for="apiKey">API key</label>
    <div class="input-group">
      ${input(model, "apiKey", problems, { mono: true, autocomplete: "off", placeholder: "Paste your API key" })}
      <span class="trailing">${trailing}</span>
    </div>
    ${hint}
  </div>`;
}

function room(model: HelperModel, problems: Problems): TemplateResult {
  return html`<div class="field">
    <label for="room">Room name</label>
    <div class="input-group">
      ${input(model, "room", problems, { placeholder: "team_meeting", autocomplete: "off" })}
      <span class="trailing">
        <button type="button" class="icon-button small" title="Make up a name" aria-label="Make up a name" @click=${() => model.set("room", randomRoom())}>
          ${icon(Dices)}
        </button>
      </span>
    </div>
    ${text(problems.room, "room", "Letters a-z, digits and _. Everybody with a token for this name meets in the same room.")}
  </div>`;
}

function role(model: HelperModel): TemplateResult {
  const choice = (moderator: boolean, label: string) =>
    html`<label><input type="radio" name="role" .checked=${model.form.moderator === moderator} @change=${() => model.set("moderator", moderator)} />${label}</label>`;
  return html`<div class="field">
    <span class="label" id="role-label">Role</span>
    <div class="segmented" role="radiogroup" aria-labelledby="role-label">${choice(true, "Moderator")}${choice(false, "Participant")}</div>
    <p class="hint">${model.form.moderator ? "May invite, remove people and broadcast the meeting." : "May take part. Cannot invite or broadcast."}</p>
  </div>`;
}

function period(model: HelperModel, problems: Problems): TemplateResult {
  const { from, until } = model.form;
  const length = fromLocalInput(until) - fromLocalInput(from);
  return html`<div class="chips" role="group" aria-label="Valid for">
      ${periods.map(
        ([label, ms]) => html`<button type="button" class="button small" aria-pressed=${length === ms ? "true" : "false"} @click=${() => model.setPeriod(ms, Date.now())}>${label}</button>`,
      )}
    </div>
    <div class="pair">
      <div class="field">
        <label for="from">From</label>
        ${input(model, "from", problems, { type: "datetime-local" })} ${text(problems.from, "from", distance(from))}
      </div>
      <div class="field">
        <label for="until">Until</label>
        ${input(model, "until", problems, { type: "datetime-local" })} ${text(problems.until, "until", distance(until))}
      </div>
    </div>`;
}

function distance(field: string): string {
  const time = fromLocalInput(field);
  return Number.isNaN(time) ? dateText(time) : fromNow(time, Date.now());
}

const streamHints: Record<StreamChoice, string> = {
  auto: "The room gets a stream of its own from the server.",
  new: "A new ingest stream with two transcodes is made with your key.",
  name: "A stream that your organisation has already.",
};

function stream(model: HelperModel, problems: Problems): TemplateResult {
  const choice = (value: StreamChoice, label: string) =>
    html`<label><input type="radio" name="stream" .checked=${model.form.stream === value} @change=${() => model.set("stream", value)} />${label}</label>`;
  return html`<div class="field">
      <span class="label" id="stream-label">Stream of the broadcast</span>
      <div class="segmented" role="radiogroup" aria-labelledby="stream-label">
        ${choice("auto", "Automatic")}${choice("new", "New")}${choice("name", "By name")}
      </div>
      <p class="hint">${streamHints[model.form.stream]}</p>
    </div>
    ${model.form.stream === "name"
      ? html`<div class="field">
          <label for="streamname">Stream name</label>
          ${input(model, "streamname", problems, { mono: true, placeholder: "XXXXX-YYYYY", autocomplete: "off" })} ${text(problems.streamname, "streamname", "")}
        </div>`
      : nothing}`;
}

function advanced(model: HelperModel, problems: Problems): TemplateResult {
  return html`<details class="advanced" ?open=${problems.server !== undefined}>
    <summary>Server</summary>
    <div class="field">
      <label for="server">Host name in the token</label>
      ${input(model, "server", problems, { mono: true })} ${text(problems.server, "server", "Where the room is. This server, unless you know better.")}
    </div>
  </details>`;
}

interface InputOptions {
  type?: string;
  placeholder?: string;
  autocomplete?: AutoFill;
  mono?: boolean;
}

function input(model: HelperModel, field: TextField, problems: Problems, options: InputOptions): TemplateResult {
  return html`<input
    class="input ${options.mono ? "mono" : ""}"
    id=${field}
    name=${field}
    type=${options.type ?? "text"}
    placeholder=${options.placeholder ?? nothing}
    autocomplete=${options.autocomplete ?? nothing}
    spellcheck="false"
    autocapitalize="off"
    .value=${model.form[field]}
    aria-invalid=${field in problems ? "true" : "false"}
    aria-describedby="${field}-hint"
    @input=${(event: Event) => model.set(field, (event.target as HTMLInputElement).value)}
  />`;
}

function text(problem: string | undefined, field: string, hint: string): TemplateResult {
  return html`<p class="hint ${problem ? "error" : ""}" id="${field}-hint" role=${problem ? "alert" : nothing}>${problem ?? hint}</p>`;
}
