"""A recipe that is right loads to the same value everywhere; one that is wrong tells every fault at once,
each with its line."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from factory.errors import InputError
from factory.recipe import Recipe, load_recipe
from tests.unit.recipe.conftest import PLAIN, Bend, Write, faults

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("path", sorted((ROOT / "pipelines").glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_recipe_loads_and_opens_with_purpose_command_and_time(path: Path) -> None:
    loaded = load_recipe(path)
    head = loaded.text.splitlines()[:4]
    assert all(line.startswith("# ") for line in head)
    assert f"factory run pipelines/{path.name}" in head[1]
    assert any("GB" in line for line in head[2:])
    assert loaded.recipe.name == path.stem


def test_defaults_are_filled_in(write: Write) -> None:
    recipe = load_recipe(write(PLAIN)).recipe
    assert recipe.seed == 0
    assert recipe.teacher.sampling.temperature == 0.8
    assert recipe.checks == ("schema", "execution", "finish_reason", "degenerate", "dedup", "decontamination")
    assert recipe.compress is None
    assert recipe.student is not None
    assert [(stage.name, stage.settings.steps) for stage in recipe.student.stages] == [
        ("sft", 2),
        ("distill", 1),
    ]


def test_without_held_out_tasks_the_default_checks_leave_out_decontamination(bend: Bend) -> None:
    recipe = load_recipe(bend({"student": None, "evaluate": None})).recipe
    assert recipe.student is None
    assert recipe.checks == ("schema", "execution", "finish_reason", "degenerate", "dedup")


def test_a_recipe_cannot_be_changed(write: Write) -> None:
    recipe = load_recipe(write(PLAIN)).recipe
    with pytest.raises(ValidationError):
        recipe.seed = 3


def test_dumped_recipe_is_the_same_recipe(write: Write) -> None:
    recipe = load_recipe(write(PLAIN)).recipe
    assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe
    assert recipe.model_dump(mode="json")["student"]["stages"][1]["distill"]["steps"] == 1


def test_digest_counts_what_is_said_not_how(write: Write) -> None:
    first = load_recipe(write(PLAIN))
    same = load_recipe(write("# a comment\n" + PLAIN + "seed: 0\nlimits: {}\n"))
    other = load_recipe(write(PLAIN + "seed: 1\n"))
    assert first.digest.startswith("b2:")
    assert first.digest == same.digest
    assert first.digest != other.digest
    assert first.text == PLAIN


def test_text_is_exact_but_for_a_byte_order_mark(write: Write) -> None:
    path = write("")
    path.write_bytes(b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode())
    assert load_recipe(path).text == PLAIN.replace("\n", "\r\n")


def test_eight_mistakes_are_told_at_once(write: Write) -> None:
    path = write(
        "name: Tiny Model\n"
        "teacher:\n"
        "  model: smollm2-135m-instuct\n"
        "  logprobs: 50\n"
        "  sampling: {temprature: 0.5}\n"
        "data:\n"
        "  kind: tool_call\n"
        "  seeds: data/nowhere.jsonl\n"
        "  tools: data/tools.json\n"
        "checks: [schema, dedupe, decontamination]\n"
        "student:\n"
        "  base: smollm2-135m-instruct\n"
        "  stages:\n"
        "    - sft: {steps: 2}\n"
        "    - distill: {steps: many}\n"
    )
    told = faults(path)
    expected = [
        ("1: name: must be lower-case letters", ""),
        ("3: teacher.model: neither a bundled model", "did you mean 'smollm2-135m-instruct'?"),
        ("4: teacher.logprobs: must be at most 20, not 50", ""),
        ("5: teacher.sampling.temprature: unknown key", "did you mean 'temperature'?"),
        ("6: data.count: required, but missing", ""),
        ("8: data.seeds: 'data/nowhere.jsonl' was not found; looked in", str(path.parent)),
        ("10: checks: execution is required", ""),
        ("10: checks[1]: 'dedupe' is not one of", "did you mean 'dedup'?"),
        ("10: checks[2]: needs evaluate.held_out", ""),
        ("15: student.stages[1].distill.steps: must be a whole number, not text", ""),
    ]
    assert len(told) == len(expected), told
    for line, (start, part) in zip(told, expected, strict=True):
        assert line.startswith(start)
        assert part in line


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"teacher.revision": "a" * 40}, "teacher.revision: only for a Hugging Face id"),
        ({"student.revision": "a" * 40}, "student.revision: only for a Hugging Face id"),
        (
            {"teacher.model": "org/name", "teacher.revision": "main"},
            "teacher.revision: must be a full commit",
        ),
        ({"teacher.api_key_env": "KEY"}, "teacher.api_key_env: only with endpoints"),
        ({"teacher.timeout_s": 60}, "teacher.timeout_s: only with endpoints"),
        (
            {"teacher.endpoints": ["http://one/v1?key=sk-1"], "student": None},
            "teacher.endpoints[0]: must be an http or https URL",
        ),
        (
            {"teacher.endpoints": ["ftp://one/v1"], "student": None},
            "teacher.endpoints[0]: must be an http or https URL",
        ),
        (
            {"teacher.endpoints": ["http://me:secret@one/v1"], "student": None},
            "teacher.endpoints[0]: must be an http or https URL",
        ),
        (
            {"teacher.endpoints": ["http://one/v1"]},
            "student.stages[1].distill: needs a teacher that runs here",
        ),
        (
            {"teacher.sampling.max_tokens": 256, "teacher.max_model_len": 256},
            "teacher.sampling.max_tokens: must be less than",
        ),
        ({"teacher.kv_cache_gb": 0}, "teacher.kv_cache_gb: must be greater than 0.0, not 0"),
        ({"teacher.kv_cache_gb": True}, "teacher.kv_cache_gb: must be a number, not true or false"),
        ({"teacher.kv_cache_gb": float("nan")}, "teacher.kv_cache_gb: must be a finite number"),
        ({"data.count": 4.0}, "data.count: must be a whole number, not the number 4.0"),
        ({"data.tools": "data"}, "data.tools: must be a file"),
        ({"data.seeds": "data/none.csv"}, "data.seeds: 'data/none.csv' was not found"),
        ({"student.prune": {"layers": 0.0}}, "student.prune: all shares are 0"),
        ({"student.prune": {"heads": 0.6}}, "student.prune.heads: must be at most 0.5, not 0.6"),
        (
            {"student.adapter": {"kind": "full"}, "student.precision": "bfloat16"},
            "student.precision: all weights are trained in float32",
        ),
        ({"student.adapter": {"kind": "prompt_tuning", "rank": 8}}, "student.adapter.rank: unknown key"),
        (
            {"student.adapter": {"kind": "ia3"}},
            "student.adapter.kind: 'ia3' is not one of lora, prompt_tuning, full",
        ),
        (
            {"student.stages": [{"sft": {"steps": 8, "validation": {}}}]},
            "student.stages[0].sft.validation.every: is more than the stage's 8 steps",
        ),
        (
            {
                "data.kind": "rationale",
                "data.tools": None,
                "data.keep": "all",
                "data.max_kept": 2,
                "student": None,
            },
            "data.max_kept: not with keep: all, which sets no limit; remove it, or choose",
        ),
        (
            {"checks": ["schema", "execution", {"dedup": {"threshold": 2}}]},
            "checks[2].dedup.threshold: must be at most 1.0, not 2",
        ),
        (
            {"checks": [{"schema": {}}, "execution"]},
            "checks[0]: schema has no settings: write its name alone",
        ),
        ({"data.tools": "../tools.json"}, "data.tools: '../tools.json' has a '..' part"),
        (
            {"data.kind": "tool_cal"},
            (
                "data.kind: 'tool_cal' is not one of tool_call, function_call, rationale, instruction, "
                "label, extract, labelled; did you mean 'tool_call'?"
            ),
        ),
        ({"data.seeds": ["a"]}, "data.seeds: must be text, not a list"),
        ({"checks": []}, "checks: must not be empty"),
        ({"checks": ["schema", "execution", "schema"]}, "checks[2]: named twice"),
        (
            {"checks": ["schema", "dedup"]},
            "checks: execution is required: without it empty samples would be accepted",
        ),
        ({"checks": ["dedup"]}, "checks: schema and execution are required"),
        (
            {"data.kind": "rationale", "data.tools": None, "student": None, "checks": ["dedup"]},
            "checks: schema is required",
        ),
        (
            {"teacher.sampling.temperature": 0, "data.samples_per_prompt": 3},
            "teacher.sampling.temperature: at 0 all 3 answers to a question",
        ),
        ({"checks": "schema"}, "checks: must be a list, not text"),
        (
            {"student": None, "compress": {"quantize": "w8a8-static"}},
            "compress: there is no student to compress",
        ),
        (
            {"compress": {"quantize": "w4a4"}},
            "compress.quantize: 'w4a4' is not one of w8a8-static, w8a8-dynamic, w4a16",
        ),
        ({"compress": {}}, "compress: has no effect"),
        (
            {"compress": {"vocabulary": 4000, "calibration_samples": 16}},
            "compress.calibration_samples: only with sparsity or quantize",
        ),
        (
            {"compress": {"sparsity": {"share": 0.3}}},
            "compress.sparsity.share: only with pattern: unstructured",
        ),
        (
            {"compress": {"quantize": "w8a8-dynamic", "group_size": 64}},
            "compress.group_size: only with quantize: w4a16",
        ),
        ({"student.stages": []}, "student.stages: must not be empty"),
        (
            {"student.stages": [{"sft": {"steps": 1, "sources": ["calls"]}}]},
            "student.stages[0].sft.sources: data is no list of sources; remove it",
        ),
        (
            {"student.stages": [{"sft": {"steps": 1, "lessons": ["label"]}}]},
            "student.stages[0].sft.lessons: the kind tool_call makes one row of each sample; remove it",
        ),
        (
            {"student.stages": [{"align": {"steps": 1, "cache_gb": 2.0}}]},
            "student.stages[0].align.cache_gb: only with teacher: cache",
        ),
        ({"student.stages": ["sft"]}, "student.stages[0]: must be a mapping, such as sft"),
        (
            {"student.stages": [{"distil": {"steps": 1}}]},
            "student.stages[0]: unknown stage 'distil'; did you mean 'distill'?",
        ),
        (
            {"student.stages": [{"sft": {"steps": 1}, "distill": {"steps": 1}}]},
            "student.stages[0]: must have exactly one key",
        ),
        (
            {"student.stages": [{"sft": {"step": 1, "steps": 1}}]},
            "student.stages[0].sft.step: unknown key; did you mean 'steps'?",
        ),
        ({"student.base": "./nowhere"}, "student.base: './nowhere' was not found; looked in"),
        ({"student.base": "data"}, "student.base: the folder "),
        ({"student.show_tools": "yes"}, "student.show_tools: must be true or false, not text"),
        ({"evaluate.held_out": "/no/such/file"}, "evaluate.held_out: '/no/such/file' was not found"),
        ({"limits": 3}, "limits: must be a mapping (key: value), not the number 3"),
        ({"colour": "red"}, "colour: unknown key; known are name"),
    ],
)
def test_one_fault_is_told_once(bend: Bend, changes: dict[str, object], start: str) -> None:
    (told,) = faults(bend(changes))
    assert told.split(": ", 1)[1].startswith(start)


def test_a_key_pasted_in_the_wrong_place_is_not_printed(bend: Bend) -> None:
    told = faults(
        bend({"teacher.endpoints": ["http://one/v1"], "teacher.api_key_env": "sk-12345", "student": None})
    )
    assert len(told) == 1
    assert "NAME of an environment variable" in told[0]
    assert "sk-12345" not in told[0]


def test_a_served_name_is_free(bend: Bend) -> None:
    changes = {
        "teacher.endpoints": ["https://one/v1", "http://[::1]:8000/some/v1"],
        "teacher.model": "any name",
        "student": None,
    }
    assert load_recipe(bend(changes)).recipe.teacher.model == "any name"


@pytest.mark.parametrize(
    "url",
    [
        "http://one:8000",
        "https://one/v1/",
        "https://generativelanguage.googleapis.com/v1beta/openai/",
        "https://open.bigmodel.cn/api/paas/v4",
        "https://one/v1/chat/completions",
        "https://me.openai.azure.com/openai/deployments/mine?api-version=2024-10-21",
    ],
)
def test_any_url_of_a_server_may_be_written(bend: Bend, url: str) -> None:
    recipe = load_recipe(bend({"teacher.endpoints": [url], "student": None})).recipe
    assert recipe.teacher.endpoints == (url,)


SERVED = {"teacher.endpoints": ["http://one/v1"], "student": None}


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"teacher.extra_body": {"a": 1}, "student": None}, "teacher.extra_body: only with endpoints"),
        (SERVED | {"teacher.extra_body": {"seed": 1}}, "teacher.extra_body.seed: is sent already: use seed"),
        (
            SERVED | {"teacher.extra_body": {"n": 4}},
            "teacher.extra_body.n: is sent already: use data.samples",
        ),
        ({"teacher.calls": "native", "student": None}, "teacher.calls: native: only with endpoints"),
        (SERVED | {"teacher.calls": "json"}, "teacher.calls: "),
        (SERVED | {"teacher.extra_body": {"stream": True}}, "teacher.extra_body.stream: is for the factory"),
        (SERVED | {"teacher.extra_body": {"api_key": "x"}}, "teacher.extra_body: has 'api_key': a secret"),
        (SERVED | {"teacher.extra_body": {"a": [{"password": "x"}]}}, "teacher.extra_body: has 'password'"),
        (SERVED | {"teacher.template": {"auth_token": "x"}}, "teacher.template: has 'auth_token': a secret"),
        ({"teacher.template": {"tokenize": True}}, "teacher.template.tokenize: is for the factory to give"),
        ({"teacher.template": {"chat_template": ""}}, "teacher.template.chat_template: is for the factory"),
    ],
)
def test_what_a_person_sends_to_a_server_has_limits(
    bend: Bend, changes: dict[str, object], start: str
) -> None:
    (told,) = faults(bend(changes))
    assert told.split(": ", 1)[1].startswith(start)


def test_a_served_model_may_be_pinned_too(bend: Bend) -> None:
    changes = {"teacher.endpoints": ["https://one/v1"], "teacher.revision": "ab" * 20, "student": None}
    assert load_recipe(bend(changes)).recipe.teacher.revision == "ab" * 20


def test_one_draw_may_be_the_likeliest(bend: Bend) -> None:
    assert load_recipe(bend({"teacher.sampling.temperature": 0})).recipe.data.samples_per_prompt == 1


def test_a_pinned_hugging_face_id_is_accepted(bend: Bend) -> None:
    loaded = load_recipe(bend({"student.base": "org/name", "student.revision": "ab" * 20}))
    assert loaded.recipe.student is not None
    assert loaded.recipe.student.base == "org/name"


def test_a_model_folder_needs_its_configuration_and_weights(bend: Bend, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    path = bend({"student.base": "./model"})
    assert "it lacks config.json and weights (*.safetensors)" in faults(path)[0]
    (tmp_path / "model" / "config.json").touch()
    assert "it lacks weights" in faults(path)[0]
    (tmp_path / "model" / "model-00001-of-00002.safetensors").touch()
    assert load_recipe(path).resolve("./model") == tmp_path / "model"


def test_paths_are_looked_up_nearest_first(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inner := tmp_path / "one" / "two").mkdir(parents=True)
    write(PLAIN).rename(inner / "recipe.yaml")
    monkeypatch.chdir("/")
    loaded = load_recipe(inner / "recipe.yaml")
    assert loaded.resolve("data/seeds.jsonl") == tmp_path / "data" / "seeds.jsonl"
    (tmp_path / "one" / "data").mkdir()
    (tmp_path / "one" / "data" / "seeds.jsonl").touch()
    assert loaded.resolve("data/seeds.jsonl") == tmp_path / "one" / "data" / "seeds.jsonl"
    assert loaded.resolve(str(inner)) == inner
    monkeypatch.setenv("HOME", str(tmp_path))
    assert loaded.resolve("~/data/tools.json") == tmp_path / "data" / "tools.json"
    for written in ("one/../data", "no/such", "/no/such", "x" * 5000, "a\0b", "~\0/x"):
        with pytest.raises(InputError):
            loaded.resolve(written)


def test_a_recipe_that_is_not_there_is_named_with_its_neighbour(write: Write, tmp_path: Path) -> None:
    write(PLAIN)
    with pytest.raises(InputError) as caught:
        load_recipe(tmp_path / "recpie.yaml")
    assert "no such recipe file" in caught.value.message
    assert "recipe.yaml" in caught.value.hint
    with pytest.raises(InputError):
        load_recipe(tmp_path)


def test_native_calls_are_for_tools_and_have_nothing_to_distill_from(bend: Bend) -> None:
    native = {"teacher.endpoints": ["http://one/v1"], "teacher.calls": "native"}
    assert load_recipe(bend(native | {"student": None})).recipe.teacher.calls == "native"
    assert any(
        "teacher.calls: native: such calls come without log-probabilities" in told
        for told in faults(bend(native))
    )
    rationale = {"data": {"kind": "rationale", "seeds": "seeds.jsonl", "count": 3}, "checks": ["schema"]}
    told = faults(bend(native | {"student": None} | rationale))
    assert any("teacher.calls: native: the kind rationale has no calls" in one for one in told)
