"""Model card of a student: what it is made of and from, how good it is, and how it is asked.

Promise: a README.md with the metadata that the Hugging Face Hub reads, all of it from the store; what is not
known is said to be unknown. Nothing of this machine is in it: of a local folder only its last name, no
recipe, no address of a server. Everything from the store is quoted inert (`factory.export.markdown`). The
same store gives the same card. Not promised: that a licence may be passed on; it is the base's.
"""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from factory import __version__
from factory.chat_formats.formats import DEFAULT, FORMATS
from factory.export.card import MADE_HERE, yields
from factory.export.markdown import code, table
from factory.export.model_facts import ModelFacts, model_facts
from factory.export.rows import Row
from factory.models.bundled import BUNDLED
from factory.models.licence import UNKNOWN, Licence, licence
from factory.recipe.model import USUAL_LENGTH, Evaluate
from factory.recipe.model_name import REVISION
from factory.recipe.source import read_source
from factory.report.measured import MetricRow
from factory.report.metric_rows import metric_rows
from factory.report.theme import ROLES
from factory.tasks.kinds import stored_kind
from factory.text.quantities import NO_BREAK, figure, interval, size
from factory.text.visible import escape_hidden, truncate

_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]+")
_SETTINGS = ("steps", "batch_size", "learning_rate", "teacher", "weight", "on_policy")
_ACCURACY = {"answer_accuracy": "accuracy", "macro_f1": "f1"}


def model_card(connection: duckdb.DuckDBPyConnection, name: str, *, gguf: str = "") -> str:
    """Return the card of the model of that name; `gguf`: of its file in that form for llama.cpp."""
    facts = model_facts(connection, name)
    base = str(facts.about("base") or UNKNOWN)
    found = licence(base, facts.base_folder)
    sections = (
        f"# {code(name)}\n",
        _made_of(facts, base, found, gguf),
        "## How to ask it\n",
        _asked(facts, gguf),
        "## How good it is\n",
        _measured(facts, gguf),
        "## What it learnt from\n",
        _learnt(facts),
        yields(facts.yields),
        "A sample counts once in every check; it was learnt if all of them passed it, or if a person "
        "accepted it. The table is that of the store's latest run.\n",
        "## How it was made\n",
        _trained(facts),
        "## Limits\n",
        _limits(facts),
    )
    data = _metadata(facts, base, found, gguf)
    return str(ModelCard(f"---\n{data.to_yaml()}\n---\n\n" + "\n".join(sections)))


def _metadata(facts: ModelFacts, base: str, found: Licence, gguf: str) -> ModelCardData:
    head = bool(facts.about("head"))
    task = "text-classification" if head else "text-generation"
    languages = sorted(
        {one for row in facts.learnt for one in row["languages"] if re.fullmatch("[a-z]{2,3}", one)}
    )
    tags = dict.fromkeys(tag for row in facts.learnt for tag in stored_kind(row["kind"]).tags)
    return ModelCardData(
        license=found.identifier,
        license_name=found.name,
        license_link=found.link,
        language=languages or None,
        base_model=_hub_id(base, str(facts.about("base_revision"))),
        library_name="gguf" if gguf else "transformers",
        pipeline_tag=task,
        tags=["distillation", "synthetic", MADE_HERE, *tags],
        model_name=_plain(facts.model["name"]),
        eval_results=(None if gguf else _results(facts, task)) or None,
    )


def _results(facts: ModelFacts, task: str) -> list[EvalResult]:
    """Return the measurements as the Hub's own; those of the weights, not of a GGUF file that nobody
    measured."""
    rows = metric_rows(facts.figures[facts.role]) if facts.role else []
    return [
        EvalResult(
            task_type=task,
            dataset_type="held-out",
            dataset_name=f"held-out tasks of {_plain(facts.run.get('recipe_name', ''))}",
            metric_type=_ACCURACY.get(row.name, _plain(row.name)),
            metric_name=_plain(row.label),
            metric_value=row.value,
            metric_args={"low": row.low, "high": row.high, "n": row.n},
        )
        for row in rows
        if row.unit in ("share", "")
    ]


def _made_of(facts: ModelFacts, base: str, found: Licence, gguf: str) -> str:
    revision = facts.about("base_revision")
    lines = [
        f"- base: {code(called(base))}" + (f", revision {code(str(revision))}" if revision else ""),
        f"- licence of the base: {code(found.identifier)}, {_plain(found.found)}"
        if found.identifier != UNKNOWN
        else f"- licence of the base: unknown, {found.found}: find it out before you pass this on",
        *(
            f"- teacher: {code(called(row['teacher']))}, revision {code(row['revision'])}: "
            f"{row['samples']} samples"
            for row in facts.teachers
        ),
        f"- weights: {size(facts.model['weight_bytes']).replace(NO_BREAK, ' ')}"
        + (f" before they were written as {gguf}" if gguf else ""),
    ]
    if not facts.teachers:
        lines.append("- teacher: none; it learnt what people, or a model in use, wrote")
    return "\n".join(lines) + "\n"


def _asked(facts: ModelFacts, gguf: str) -> str:
    if labels := facts.about("head"):
        return (
            f"It writes nothing: it reads a text and gives each of {len(labels)} labels a probability: "
            f"{', '.join(map(code, labels))}.\n\n"
            '```python\nimport transformers\n\nlabel = transformers.pipeline("text-classification", "PATH")\n'
            "print(label(TEXT))\n```\n"
        )
    named = facts.about("format") or DEFAULT
    title = FORMATS[named].title if named in FORMATS else named
    settings = answer_settings(facts.run)
    lines = [
        f"Conversations are written in the chat format {code(str(title))}, by the chat template that comes "
        f"with it. It was measured greedily (temperature 0), with at most {settings['max_tokens']} tokens an "
        "answer.\n",
        _tools(facts),
    ]
    if not gguf:
        lines.append(
            "```python\nimport transformers\n\n"
            'tokenizer = transformers.AutoTokenizer.from_pretrained("PATH")\n'
            'model = transformers.AutoModelForCausalLM.from_pretrained("PATH")\n'
            'messages = [{"role": "user", "content": QUESTION}]\n'
            "inputs = tokenizer.apply_chat_template(\n"
            '    messages, add_generation_prompt=True, return_tensors="pt", return_dict=True\n)\n'
            f"answer = model.generate(**inputs, do_sample=False, max_new_tokens={settings['max_tokens']})\n"
            'print(tokenizer.decode(answer[0, inputs["input_ids"].shape[1]:]))\n```\n'
        )
    return "\n".join(line for line in lines if line)


def _tools(facts: ModelFacts) -> str:
    if facts.tools is None:
        return "Its tools differ by task: give them with each request (`tools`), in OpenAI's form.\n"
    if not facts.tools:
        return ""
    known = (
        "They stand in its system prompt: give them with each request (`tools`), in OpenAI's form."
        if facts.about("show_tools")
        else "It knows them by heart: they need not be given. Who makes its calls carries them out."
    )
    rows = [
        (code(str(one.get("name", ""))), code(str(one.get("description", ""))))
        for one in (tool.get("function") or {} for tool in facts.tools)
    ]
    return f"It calls tools. {known}\n\n{table(('tool', 'what it does'), rows)}"


def _measured(facts: ModelFacts, gguf: str) -> str:
    if facts.role is None:
        return "It was not measured.\n"
    roles = [facts.role, *(role for role in ("student", "teacher", "base") if role != facts.role)]
    by_role = {
        role: {row.name: row for row in metric_rows(facts.figures[role])}
        for role in roles
        if role in facts.figures and (role == facts.role or facts.role != "base")
    }
    names = list(dict.fromkeys(name for rows in by_role.values() for name in rows))
    cells = [
        (
            _plain(next(rows[name].label for rows in by_role.values() if name in rows)),
            *(_cell(rows.get(name)) for rows in by_role.values()),
        )
        for name in names
    ]
    heads = [
        f"this ({ROLES[facts.role].lower()})",
        *(ROLES.get(role, role).lower() for role in list(by_role)[1:]),
    ]
    where = f" on {code(str(cpu))}" if (cpu := _machine(facts.run).get("cpu")) else ""
    written = f" They are those of the weights before they were written as {gguf}." if gguf else ""
    return (
        "On tasks that no model has learnt from; in brackets the 95 % interval and the number of tasks or "
        f"repetitions. Speed and memory were measured{where}.{written}\n\n" + table(("figure", *heads), cells)
    )


def _cell(row: MetricRow | None) -> str:
    if row is None:
        return "–"
    bounds = interval(row.low, row.high, row.unit)
    inside = ", ".join(part for part in (bounds, f"n = {row.n}") if part)
    return f"{figure(row.value, row.unit)} ({inside})".replace(NO_BREAK, " ")


def _learnt(facts: ModelFacts) -> str:
    rows = [
        (code(row["kind"]), row["samples"], row["seeds"], row["written"], row["edited"], row["by_people"])
        for row in facts.learnt
    ]
    head = ("kind", "samples", "seeds", "not a teacher's", "edited by people", "accepted by people")
    counts = facts.counts
    return (
        table(head, rows)
        + f"\nOf {counts['samples']} samples of the store's latest run {counts['accepted']} were accepted.\n"
    )


def _trained(facts: ModelFacts) -> str:
    lines = []
    for row in facts.made:
        about = row["about"]
        if "prune" in about:
            lines.append(f"- the base was pruned: {code(_settings(about['prune']))}")
        for name, settings in (about.get("stage") or {}).items():
            shown = {key: settings[key] for key in _SETTINGS if key in settings}
            lines.append(f"- stage {code(name)}: {code(_settings(shown))}")
        if row["kind"] == "quantized":
            kept = {key: value for key, value in about.items() if key not in ("format", "seed")}
            lines.append(f"- compressed: {code(_settings(kept))}")
    if adapter := next((row["about"]["adapter"] for row in facts.made if "stage" in row["about"]), None):
        lines.insert(0, f"- what was trained: {code(_settings(adapter))}")
    run = facts.run
    if run:
        lines.append(
            f"- run {code(run['run_id'])} of {run['started_at']:%Y-%m-%d %H:%M} UTC, recipe "
            f"{code(run['recipe_name'])} ({code(run['recipe_digest'])})"
        )
    lines.append(f"- artifact {code(facts.model['artifact_id'])}; card by distill-factory {__version__}")
    return "\n".join(lines) + "\n"


def _limits(facts: ModelFacts) -> str:
    lines = [
        "- It was made for the tasks that its seeds show; asked anything else it is a small model that "
        "guesses.",
        "- A check proves what its name says and nothing else; nobody read every sample.",
        "- What the base got wrong, leaves out or was taught to say may still be in it.",
    ]
    if not any(rows for role, rows in facts.figures.items() if role == facts.role):
        lines.append("- Nobody has measured it.")
    return "\n".join(lines) + "\n"


def answer_settings(run: Row) -> dict[str, int]:
    """Return how many tokens the answers of a run's held-out tasks had at most, and prompt and answer."""
    source = read_source(run.get("recipe_text", ""))
    told = {
        "max_tokens": source.at("evaluate", "max_tokens"),
        "max_model_len": source.at("teacher", "max_model_len"),
    }
    usual = {"max_tokens": Evaluate.model_fields["max_tokens"].default, "max_model_len": USUAL_LENGTH}
    return {name: value if isinstance(value, int) else usual[name] for name, value in told.items()}


def called(model: str) -> str:
    """Return the name of a model without the folders above it, which are this machine's."""
    return Path(model).name if model.startswith(("/", "~", ".")) else model


def _hub_id(base: str, revision: str) -> str | None:
    """Return the Hub's name of a base; a folder of this machine has none, whatever it is called."""
    if base in BUNDLED:
        return BUNDLED[base].hub_id
    return base if _HUB_ID.fullmatch(base) and re.fullmatch(REVISION, revision) else None


def _machine(run: Row) -> dict[str, Any]:
    return dict(json.loads(run["machine"])) if run.get("machine") else {}


def _settings(values: Any) -> str:
    if not isinstance(values, dict):
        return str(values)
    return ", ".join(f"{key} {value}" for key, value in values.items() if value not in (None, [], {}))


def _plain(text: str) -> str:
    """Return text from the store that no Markdown or YAML reads as anything else."""
    return re.sub(r"[^\w .,:%/()@-]", "?", escape_hidden(truncate(str(text), 100)))
