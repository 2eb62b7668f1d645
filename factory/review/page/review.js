"use strict";
// Every text is put in as text (textContent, value): nothing in a sample can become markup or script.

const token = new URLSearchParams(location.search).get("token");
const find = (id) => document.getElementById(id);
// `list` counts the lists that were asked for, `query` is what the one on screen was asked by; `marked` are the failed checks that the edit dialog shows.
const view = { state: "all", rows: [], total: 0, offset: 0, chosen: null, detail: null, open: null, list: 0, query: null, marked: null };
const STATES = [["all", "all"], ["accepted", "accepted"], ["rejected", "rejected"], ["undecided", "undecided"], ["person", "by a person"]];
const FILTERS = ["reason", "family", "language", "kind", "sort"];

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

async function ask(path, body) {
  const options = { headers: { "X-Review-Token": token } };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("factory review does not answer any more; start it again");
  }
  const value = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(value.error), { busy: answer.status === 503, outdated: answer.status === 409 && !value.verdicts, judged: value.verdicts && value });
  return value;
}

function tell(text, isError = false) {
  find("notice").textContent = text;
  find("notice").className = isError ? "error" : "";
}

// A run that is writing holds the store for a while: what was asked is asked again until it is free.
async function patiently(work) {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!error.busy) throw error;
      tell(`${error.message} — waiting`, true);
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
  }
}

let typing = null; // a timer while a search is written and not asked yet

async function loadOverview() {
  const overview = await patiently(() => ask("/api/overview"));
  find("run").textContent = `Review: ${overview.run.recipe_name}`;
  document.title = `Review: ${overview.run.recipe_name}`;
  find("states").replaceChildren(...STATES.map(([name, label]) => {
    const button = make("button", { type: "button", textContent: `${label} ${overview.counts[name].toLocaleString("en")}` });
    button.setAttribute("aria-pressed", String(view.state === name));
    button.addEventListener("click", () => { view.state = name; view.offset = 0; refresh(); });
    return button;
  }));
  fill("reason", overview.reasons.map((row) => [`${row.check_name}/${row.reason}`, `${row.check_name}: ${row.sentence} (${row.samples})`]), "every reason");
  for (const name of ["family", "language", "kind"]) fill(name, overview[name].map((value) => [value, value]), `every ${name}`);
  const given = overview.reasons.filter((row) => row.check_name === "person" && row.reason !== "edited");
  const reasons = new Map([...overview.suggested, ...given].map((row) => [row.reason, row.sentence]));
  find("reasons").replaceChildren(...[...reasons].map(([value, textContent]) => make("option", { value, textContent })));
}

function fill(id, options, every) {
  const select = find(id), chosen = select.value;
  // A filter that nothing fits any more is one still: the list is asked by it.
  if (chosen && !options.some(([value]) => value === chosen)) options = [...options, [chosen, `${chosen} (0)`]];
  select.replaceChildren(make("option", { value: "", textContent: every }), ...options.map(([value, text]) => make("option", { value, textContent: text })));
  select.value = chosen;
  select.hidden = options.length < 2 && id !== "reason";
}

// What the list is asked by, as search and filters stand.
function query() {
  const wanted = new URLSearchParams({ state: view.state, offset: view.offset, q: find("q").value });
  for (const id of FILTERS) if (find(id).value) wanted.set(id, find(id).value);
  return wanted.toString();
}

// Of several lists that were asked for, the last is shown, whichever is answered last. `kept` is a row that stays in its place though the filter hides it now.
async function loadRows(kept = null) {
  const number = ++view.list, wanted = query();
  const page = await patiently(() => ask(`/api/samples?${wanted}`));
  if (number !== view.list) return false;
  view.query = wanted;
  view.rows = page.rows;
  view.total = page.total;
  find("count").textContent = page.total === 1 ? "1 sample" : `${page.total.toLocaleString("en")} samples`;
  find("where").textContent = page.total ? `${view.offset + 1}–${view.offset + page.rows.length}` : "";
  find("earlier").disabled = view.offset === 0;
  find("later").disabled = view.offset + page.rows.length >= page.total;
  if (kept && !page.rows.some((row) => row.sample_id === kept.row.sample_id)) page.rows.splice(kept.place, 0, kept.row);
  find("rows").replaceChildren(...page.rows.map(rowElement));
  return true;
}

function rowElement(row) {
  const state = row.accepted ? "accepted" : row.decided_by === "nobody yet" ? "undecided" : "rejected";
  const line = make("div", { className: "line" },
    make("span", { textContent: `#${row.position}` }),
    make("span", { className: "outcome", textContent: row.outcome ?? "" }),
    row.decided_by === "person" ? make("span", { className: "person", textContent: row.edited_from ? "edited" : "by hand" }) : null,
    row.uncertainty === null ? null : make("span", { textContent: `${row.uncertainty.toFixed(2)} nats`, title: "mean entropy of the teacher's tokens" }));
  const element = make("li", { className: row.hidden ? `${state} hidden` : state, title: row.hidden ? "the filter hides it from now on" : "" }, make("div", { className: "question", textContent: row.question, dir: "auto" }), line);
  element.dataset.id = row.sample_id;
  element.setAttribute("aria-current", String(row.sample_id === view.chosen));
  element.addEventListener("click", () => choose(row.sample_id));
  return element;
}

async function choose(id) {
  view.chosen = id;
  for (const element of find("rows").children) {
    const current = element.dataset.id === id;
    element.setAttribute("aria-current", String(current));
    if (current) element.scrollIntoView({ block: "nearest" });
  }
  if (!id) {
    view.detail = null;
    find("detail").replaceChildren(make("p", { className: "quiet", textContent: "No sample fits these filters." }));
    return;
  }
  const detail = await patiently(() => ask(`/api/sample?${new URLSearchParams({ id })}`));
  if (view.chosen !== id) return;
  view.detail = detail;
  find("detail").replaceChildren(...detailElements(detail));
  find("detail").scrollTop = 0;
}

function detailElements(detail) {
  const { sample, decision, answer } = detail;
  const state = !decision ? "undecided" : decision.accepted ? "accepted" : decision.decided_by === "nobody yet" ? "undecided" : "rejected";
  const said = !decision ? "not in the current plan" : decision.decided_by === "nobody yet" ? "undecided" : `${state} by ${decision.decided_by === "person" ? `a person${against(detail)}` : "the checks"}`;
  const button = (text, key, work) => {
    const element = make("button", { type: "button", textContent: text, title: `key ${key}` });
    element.addEventListener("click", work);
    return element;
  };
  return [
    make("h2", {}, make("span", { textContent: decision ? `Sample #${decision.position}` : "Sample" }), make("span", { className: `state ${state}`, textContent: said }),
      make("span", { className: "actions" }, button("Accept", "a", accept), button("Reject…", "r", openReject), button("Edit…", "e", openEdit), button("Undo", "u", undo))),
    ...conversation(sample),
    ...section("What the teacher wrote", answer ? [tokens(detail.tokens, answer.text)] : []),
    ...section("Verdicts", [verdicts(detail.verdicts)]),
    ...section("Pedigree", [pedigree(detail)]),
    ...related("Made from", detail.parents),
    ...related("Edited into", detail.edits),
    ...related("Other draws of this question", detail.draws),
    ...section("Models that learnt from it", detail.models.length ? [table(detail.models.map((model) => [model.artifact, `${model.kind}, ${model.role}`]))] : []),
    ...section("The prompt", answer ? [prompt(answer.messages)] : []),
  ];
}

// Which checks a person overruled.
function against({ decision, verdicts: list }) {
  const names = list.filter((verdict) => verdict.check_name !== "person" && verdict.counts && verdict.passed !== decision.accepted && !verdict.passed).map((verdict) => verdict.check_name);
  return names.length ? ` against ${names.join(", ")}` : "";
}

function section(title, children) {
  return children.length ? [make("h3", { textContent: title }), ...children] : [];
}

function turn(who, text, code = false) {
  return make("div", { className: "turn" }, make("b", { textContent: who }), make("div", { className: code ? "code" : "text", textContent: text, dir: "auto" }));
}

function conversation(sample) {
  const messages = sample.messages;
  if (!Array.isArray(messages) || !messages.length) {
    return [turn("question", sample.question), sample.input ? turn("input", sample.input) : null, sample.call ? turn("call", JSON.stringify(sample.call), true) : null,
      sample.result ? turn("result", sample.result) : null, sample.answer ? turn("answer", sample.answer) : null,
      turn("no conversation to learn from", sample.fault ?? "")].filter(Boolean);
  }
  return messages.flatMap((message) => [
    ...(message.tool_calls ?? []).map((call) => turn("call", `${call.function?.name}(${call.function?.arguments})`, true)),
    message.content ? turn(message.role, String(message.content)) : null,
  ].filter(Boolean));
}

function tokens(list, text) {
  if (!list.length) return make("div", { className: "code", textContent: text || "(nothing)" });
  return make("div", { className: "tokens" }, ...list.map((token) => {
    const element = make("span", { textContent: token.text });
    const share = Math.exp(token.logprob);
    element.style.backgroundColor = `hsl(${Math.round(120 * share)} 70% 50% / ${(0.12 + 0.38 * (1 - share)).toFixed(2)})`;
    const lines = [`${percent(token.logprob)}  ${shown(token.text)}  (drawn)`, ...token.top.map((other) => `${percent(other.logprob)}  ${shown(other.text)}`)];
    element.addEventListener("mouseenter", () => tip(element, lines.slice(0, 9).join("\n")));
    element.addEventListener("mouseleave", () => { find("tip").hidden = true; });
    element.setAttribute("aria-label", lines[0]);
    return element;
  }));
}

const percent = (logprob) => `${(100 * Math.exp(logprob)).toFixed(1).padStart(5)} %`;
const shown = (text) => JSON.stringify(text);

function tip(element, text) {
  const box = find("tip"), place = element.getBoundingClientRect();
  box.textContent = text;
  box.hidden = false;
  box.style.left = `${Math.max(8, Math.min(place.left, innerWidth - box.offsetWidth - 8))}px`;
  box.style.top = `${place.bottom + box.offsetHeight + 8 > innerHeight ? place.top - box.offsetHeight - 4 : place.bottom + 4}px`;
}

function table(rows) {
  return make("table", {}, ...rows.map(([name, value]) => make("tr", {}, make("th", { textContent: name, scope: "row" }), make("td", { textContent: value ?? "" }))));
}

function verdicts(list) {
  return make("table", {}, ...list.map((verdict) => {
    const score = verdict.score === null ? "" : ` (${verdict.score})`, code = verdict.reason === "ok" ? "" : ` (${verdict.reason})`;
    const row = make("tr", { className: verdict.counts ? "" : "past" }, make("th", { textContent: verdict.check_name, scope: "row" }),
      make("td", { className: verdict.passed ? "passed" : "failed", textContent: `${verdict.passed ? "✓" : "✗"} ${verdict.sentence}${code}${score}` }),
      make("td", { textContent: [verdict.undoes && `takes back ${verdict.undoes}`, verdict.detail, verdict.judged_at].filter(Boolean).join(" · ") }));
    if (!verdict.counts) row.title = "does not count in the current run, or was overruled";
    return row;
  }));
}

function pedigree({ sample, answer, seed }) {
  return table([
    ["seed", seed ? `${seed.name} (${seed.source}:${seed.line}): ${seed.question}` : sample.seed_id],
    ["reference", sample.reference],
    ["family", sample.family], ["language", sample.language], ["kind", sample.kind],
    ...(answer ? [["teacher", `${answer.teacher}, revision ${answer.revision}`], ["prompt template", answer.template_digest], ["sampling", JSON.stringify(answer.parameters)],
      ["tokens", `${answer.prompt_tokens} in the prompt, ${answer.completion_tokens} answered (${answer.finish_reason}), ${Number(answer.seconds).toFixed(1)} s`],
      ["answered", answer.finished_at]] : []),
    ["request", sample.request_key], ["sample", sample.sample_id],
    ...(sample.edited_from ? [["edited from", sample.edited_from]] : []),
  ].filter(([, value]) => value));
}

function related(title, list) {
  return section(title, list.length ? [make("ul", {}, ...list.map((other) => {
    const link = make("a", { className: "sample", textContent: other.question, tabIndex: 0 });
    link.addEventListener("click", () => choose(other.sample_id).catch(failed));
    return make("li", {}, link, make("span", { className: "quiet", textContent: `  ${other.outcome ?? ""}` }));
  }))] : []);
}

function prompt(messages) {
  const inside = messages.map((message) => turn(message.role, String(message.content ?? "")));
  return make("details", {}, make("summary", { className: "quiet", textContent: inside.length === 1 ? "1 message" : `${inside.length} messages` }), ...inside);
}

async function refresh(chosen = view.chosen) {
  clearTimeout(typing);
  typing = null;
  try {
    const [, newest] = await Promise.all([loadOverview(), loadRows().then(async (shown) => {
      const there = view.rows.some((row) => row.sample_id === chosen);
      if (shown) await choose(there ? chosen : view.rows[0]?.sample_id ?? null);
      return shown;
    })]);
    if (newest) tell("");
  } catch (error) {
    failed(error);
  }
}

function failed(error) {
  tell(error.message, true);
}

// After a verdict the sample stays where it was, though the filter may hide it from now on: what is said next is said of it, and undo undoes it. Whoever
// moved on meanwhile stays there.
async function after(text, before, id) {
  const still = view.chosen === before, place = view.rows.findIndex((row) => row.sample_id === before);
  const detail = await patiently(() => ask(`/api/sample?${new URLSearchParams({ id })}`));
  const kept = place < 0 ? null : { place, row: rowOf(detail, view.rows[place]) };
  const [, newest] = await Promise.all([loadOverview(), loadRows(kept)]);
  if (!newest) return;
  if (still && view.chosen === before) await choose(id);
  else if (view.rows.some((row) => row.sample_id === view.chosen)) await choose(view.chosen);
  else await choose(view.rows[0]?.sample_id ?? null);
  tell(text);
}

// The row of the list that a sample would have there.
function rowOf({ sample, decision }, old) {
  return { ...old, sample_id: sample.sample_id, question: sample.question, outcome: sample.result ?? sample.answer ?? old.outcome, edited_from: sample.edited_from,
    accepted: decision?.accepted ?? false, decided_by: decision?.decided_by ?? "nobody yet", hidden: true };
}

// One thing is said after the other, in the order of the keys, each with the sample that was on screen then.
let saying = Promise.resolve();
function say(path, body, text) {
  const said = saying.then(async () => {
    try {
      const answer = await patiently(() => ask(path, body));
      await after(text, body.id, answer?.id ?? body.id);
    } catch (error) {
      if (error.outdated) await refresh();
      throw error;
    }
  });
  saying = said.catch(() => {});
  return said;
}

// Nothing is said of a sample that is not on screen, nor while another list is on its way.
function onScreen() {
  if (query() !== view.query) {
    tell("the list is still being read");
    return false;
  }
  const there = Boolean(view.detail) && view.detail.sample.sample_id === view.chosen;
  if (!there && view.chosen) tell("that sample is still being read");
  return there;
}

// What a verdict is about: the sample on screen, and what people had said of it when it was read.
const about = (detail) => ({ id: detail.sample.sample_id, seen: detail.seen });

async function accept() {
  if (onScreen()) await say("/api/verdict", { ...about(view.detail), passed: true, reason: "ok", note: "" }, "accepted").catch(failed);
}

async function undo() {
  if (onScreen()) await say("/api/undo", about(view.detail), "undone").catch(failed);
}

function openReject() {
  if (!onScreen()) return;
  view.open = view.detail;
  find("reject-note").value = "";
  find("reject-error").textContent = "";
  find("reject").showModal();
  find("reject-reason").select();
}

function openEdit() {
  if (!onScreen()) return;
  view.open = view.detail;
  const fields = Object.entries(view.open.raw).map(([name, value]) => {
    const field = make("textarea", { value: value ?? "", rows: Math.min(12, 2 + Math.floor((value ?? "").length / 70)), spellcheck: false, dir: "auto" });
    field.dataset.name = name;
    field.addEventListener("input", changed);
    return make("label", {}, name, field);
  });
  find("fields").replaceChildren(...fields);
  showJudged(null);
  find("edit-error").textContent = "";
  find("edit").showModal();
  fields[0]?.querySelector("textarea").focus();
}

// While it is being stored, nothing in the dialog can be pressed: it is stored once, and not taken back in silence.
async function submit(dialog, path, body, text) {
  if (find(dialog).inert) return;
  const focused = document.activeElement;
  find(`${dialog}-error`).textContent = "";
  find(dialog).inert = true;
  try {
    await say(path, body, text);
    find(dialog).close();
  } catch (error) {
    if (error.judged) showJudged(error.judged);
    else find(`${dialog}-error`).textContent = error.message;
    if (error.outdated) find(dialog).close();
    if (error.outdated) failed(error);
  } finally {
    find(dialog).inert = false;
    if (find(dialog).open) focused?.focus();
  }
}
for (const dialog of document.querySelectorAll("dialog")) dialog.addEventListener("cancel", (event) => { if (dialog.inert) event.preventDefault(); });

function changes() {
  const found = {};
  for (const field of find("fields").querySelectorAll("textarea")) {
    if (field.value !== (view.open.raw[field.dataset.name] ?? "")) found[field.dataset.name] = field.value;
  }
  return found;
}

// What the checks say of the text as it stands is asked while a person writes, and belongs to that text alone.
let judging, judgement = 0;
function changed() {
  clearTimeout(judging);
  showJudged(null);
  find("edit-error").textContent = "";
  judging = setTimeout(judge, 300);
}

async function judge() {
  const number = judgement, asked = changes();
  if (!Object.keys(asked).length || !find("edit").open) return;
  try {
    const judged = await ask("/api/judge", { id: view.open.sample.sample_id, changes: asked });
    if (number === judgement) showJudged(judged);
  } catch (error) {
    if (number === judgement) find("edit-error").textContent = error.message;
  }
}

function showJudged(judged) {
  judgement += 1;
  clearTimeout(judging);
  const failed = judged ? judged.verdicts.filter((verdict) => !verdict.passed) : [];
  view.marked = judged ? failed.map((verdict) => verdict.check_name) : null;
  find("judged").replaceChildren(...(judged ? [
    verdicts(judged.verdicts.map((verdict) => ({ ...verdict, counts: true }))),
    ...judged.left_out.map((text) => make("p", { className: "quiet", textContent: `Left out: ${text}` })),
    ...(failed.length ? [make("p", { className: "error", textContent: failed.length === 1 ? "A check rejects this. Correct it, or overrule the check: your word counts, and its verdict is kept beside it."
      : `${failed.length} checks reject this. Correct it, or overrule them: your word counts, and their verdicts are kept beside it.` })] : []),
  ] : []));
  find("save").textContent = failed.length ? "Overrule and save" : "Save";
  find("save").className = failed.length ? "bad" : "good";
}

find("reject").querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  submit("reject", "/api/verdict", { ...about(view.open), passed: false, reason: find("reject-reason").value.trim(), note: find("reject-note").value }, "rejected");
});
find("edit").querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const made = changes();
  if (!Object.keys(made).length) find("edit-error").textContent = "nothing was changed";
  else submit("edit", "/api/edit", { ...about(view.open), changes: made, overruled: view.marked ?? [] }, view.marked?.length ? "saved against the checks" : "saved as a new sample");
});
for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());

find("filters").addEventListener("submit", (event) => event.preventDefault());
find("q").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => { view.offset = 0; refresh(); }, 250);
});
for (const id of FILTERS) find(id).addEventListener("change", () => { view.offset = 0; refresh(); });
find("earlier").addEventListener("click", () => { view.offset = Math.max(0, view.offset - 50); refresh(); });
find("later").addEventListener("click", () => { view.offset += 50; refresh(); });

function move(step) {
  const place = view.rows.findIndex((row) => row.sample_id === view.chosen);
  const next = view.rows[Math.min(Math.max(place + step, 0), view.rows.length - 1)];
  if (next) choose(next.sample_id).catch(failed);
}

const KEYS = { j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1), a: accept, r: openReject, e: openEdit, u: undo,
  "/": () => find("q").focus(), "?": () => find("help").showModal() };
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.activeElement?.closest("#filters")) {
    // The browser would empty the search, and the list would change under the next key.
    event.preventDefault();
    if (typing) {
      view.offset = 0;
      refresh();
    }
    return document.activeElement.blur();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, textarea, select")) return;
  const work = KEYS[event.key];
  if (work) {
    event.preventDefault();
    work();
  }
});

// What was written and is not stored is not lost without a question.
addEventListener("beforeunload", (event) => { if (find("edit").open && Object.keys(changes()).length) event.preventDefault(); });

refresh();
