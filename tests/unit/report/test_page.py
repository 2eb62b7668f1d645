"""The page: what it says, what it never does, and what it looks like when parts are missing."""

import json
import re
from functools import cache
from html.parser import HTMLParser

import pytest

from factory.report import Report, render_page
from factory.report.choice import Trial
from factory.report.comparison import Changed, Comparison, Pair
from factory.report.measured import Measured
from factory.report.query import Query, Table
from factory.report.run import Loss, Stage
from factory.report.sample import Reason, Sample, Samples
from factory.report.yields import CheckYield, ReasonCount, Yield
from factory.text.reasons import SENTENCES
from tests.support.report_sample import measured, models, report

HOSTILE = (
    '<script>alert(1)</script><img src=x onerror=alert(1)>" onload="alert(1)\' '
    "onfocus='x \x1b[31mred\x1b[0m "
    "\u202egnp.exe \u2066x\u2069 \x00\x07\x7f\x85\ufffe\u200b </title></style></svg></pre>{{ 7 * 7 }} "
    "$\\frac{1}{0}$ ]]>"
)


class Page(HTMLParser):
    """Every element with its attributes, and the text that a person sees."""

    VOID = frozenset({"meta", "br", "img", "link", "input", "hr"})

    def __init__(self, page: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data

    def count(self, tag: str) -> int:
        return sum(1 for name, _ in self.elements if name == tag)


@cache
def whole_page() -> str:
    return render_page(report())


def saying(text: str) -> Report:
    """A report that has `text` wherever a text can stand."""
    sample = Sample(
        sample_id=text, language=text, question=text, call=text, result=text, answer=text,
        reasons=[Reason(check=text, reason=text, detail=text)],
    )  # fmt: skip
    teacher = measured("teacher", 60, 50, 100.0, name=text)
    return report(
        name=text,
        models=[measured("teacher", 60, 50, 100.0, name=text, precision=text, prompting=text)],
        yield_=Yield(
            by_check=[CheckYield(check=text, passed=1, failed=1, reasons=[ReasonCount(reason=text, count=1)])]
        ),
        losses=[Loss(stage=text, step=1, name=text, value=1.0)],
        samples=Samples(accepted=[sample], rejected=[sample]),
        stages=[Stage(name=text, seconds=1.0, detail=text)],
        recipe=text,
        recipe_path=text,
        pedigree={text: text},
        versions={text: text},
        queries=[Query(title=text, sql=text)],
        tables=[
            Table(
                key="funnel",
                title=text,
                note=text,
                sql=text,
                columns=["step", "samples"],
                rows=[[text, 3], [text, 2]],
            ),
            Table(
                key="uncertainty",
                title=text,
                note=text,
                sql=text,
                columns=["from", "a", "r"],
                rows=[[0.5, 1, 2]],
            ),
            Table(key="reasons", title=text, note=text, sql=text, columns=[text], rows=[[text]] * 13),
            Table(key="stages", title=text, sql=text, columns=[text], rows=[[text]]),
        ],
        sources={"models": text, "losses": text},
        comparison=Comparison(
            name=text,
            created=report().created,
            recipe=[text],
            changed=[Changed(what=text, before=text, now=text)],
            pairs=[
                Pair(role="teacher", before=teacher, now=teacher, shared=0, only_before=0, only_now=0, p=None)
            ],
        ),
    )


def test_the_headline_and_each_number_of_the_table_are_on_the_page() -> None:
    text = Page(whole_page()).text
    assert "The student answers 88\xa0% of 120 held-out tasks; its teacher 61\xa0%" in text
    for words in (
        "1.42\xa0GB",
        "163\xa0MB",
        "486",
        "six worked examples",
        "743 of 1,200",
        "8\xa0min\xa030\xa0s",
    ):
        assert words in text


def test_elements_are_closed_in_order_and_ids_are_unique_and_references_land() -> None:
    page = Page(whole_page())
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    wanted = {
        value
        for _, attributes in page.elements
        for value in (attributes.get("aria-labelledby") or "").split()
    }
    wanted |= {
        (attributes["href"] or "").removeprefix("#")
        for _, attributes in page.elements
        if "href" in attributes
    }
    wanted |= set(re.findall(r"url\(#([^)]+)\)", whole_page()))
    assert wanted and wanted <= set(ids)


def test_each_drawing_is_named_and_takes_its_colours_from_the_page() -> None:
    page = Page(whole_page())
    drawings = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert len(drawings) == 6
    assert all(drawing["role"] == "img" and drawing["aria-labelledby"] for drawing in drawings)
    styles = [attributes["style"] or "" for _, attributes in page.elements if "style" in attributes]
    assert not [style for style in styles if "#" in style.replace("url(#", "")]


def test_nothing_is_fetched_and_nothing_runs() -> None:
    source = whole_page()
    page = Page(source)
    assert "http:" not in source and "https:" not in source
    assert not {"script", "link", "iframe", "object", "embed", "form", "base", "img", "a"} & {
        tag for tag, _ in page.elements
    }
    policy = next(
        attributes["content"]
        for _, attributes in page.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_hostile_text_is_inert_and_visible_wherever_it_stands() -> None:
    plain, source = Page(render_page(saying("plain"))), render_page(saying(HOSTILE))
    page = Page(source)
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in plain.elements}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufffe]", source)
    for shown in (
        "<script>alert(1)</script>",
        "␛[31mred",
        "[U+202E]gnp.exe",
        "[U+2066]",
        "␀␇␡[U+0085][U+FFFE][U+200B]",
        "{{ 7 * 7 }}",
    ):
        assert shown in page.text
    assert "␛[31mred" in page.text.split("Ask the store yourself")[1]


def test_a_long_text_is_cut_with_the_count_of_what_is_left_off() -> None:
    sample = Sample(sample_id="b2:1", question="why " * 1000)
    text = Page(render_page(report(samples=Samples(accepted=[sample])))).text
    assert "(and 2,800 characters more)" in text and text.count("why") < 310


def test_a_language_tag_is_used_only_if_it_is_one() -> None:
    cards = [
        Sample(sample_id="b2:1", language=language, question="q") for language in ("pt-BR", 'x" onload="y')
    ]
    languages = [
        attributes.get("lang")
        for tag, attributes in Page(render_page(report(samples=Samples(accepted=cards)))).elements
        if tag == "p"
    ]
    assert [language for language in languages if language] == ["pt-BR"]


def test_reasons_are_said_in_words_beside_their_code() -> None:
    sample = Sample(
        sample_id="b2:1", question="q", reasons=[Reason(check="schema", reason=code) for code in SENTENCES]
    )
    text = Page(render_page(report(samples=Samples(rejected=[sample])))).text
    assert [code for code, words in SENTENCES.items() if f"{words} (schema: {code})" not in text] == []


def test_the_commonest_reasons_are_said_in_words_beside_their_code() -> None:
    rows = [["schema", "not_json", 3], ["judge", "too_dull", 2]]
    commonest = Table(key="reasons", title="Why", sql="", columns=["check", "reason", "samples"], rows=rows)
    ending = Table(key="ending", title="How", sql="", columns=["reason"], rows=[["too_dull"]])
    text = Page(render_page(report(tables=[commonest, ending]))).text
    assert "the answer is not JSON (not_json)" in text and "too dull (too_dull)" in text
    assert text.count("too dull") == 1


def test_an_unknown_reason_is_shown_in_its_own_words() -> None:
    sample = Sample(sample_id="b2:1", question="q", reasons=[Reason(check="judge", reason="too_dull")])
    kept = Yield(
        by_check=[
            CheckYield(check="judge", passed=0, failed=3, reasons=[ReasonCount(reason="too_dull", count=3)])
        ]
    )
    text = Page(render_page(report(samples=Samples(rejected=[sample]), yield_=kept))).text
    assert "too dull (judge: too_dull)" in text and text.count("too dull") == 2


@pytest.mark.parametrize(
    ("changed", "drawings"),
    [
        ({"models": []}, 4),
        ({"models": models()[:1]}, 6),
        ({"models": models()[:3]}, 6),
        ({"models": [Measured(name="m", role="student")]}, 4),
        ({"losses": []}, 5),
        ({"losses": [Loss(stage="sft", step=1, value=float("nan"))]}, 6),
        ({"yield_": Yield()}, 5),
        ({"samples": Samples()}, 6),
        ({"trials": []}, 4),
        (
            {
                "trials": [
                    Trial(number=1, choice="rank 4", failure="it failed", recipe="search/trial-001.yaml")
                ]
            },
            4,
        ),
        ({"stages": [], "queries": [], "recipe": "", "recipe_path": "", "pedigree": {}, "versions": {}}, 6),
        ({"stages": [Stage(name="check", seconds=0)]}, 6),
        (
            {
                "models": [],
                "losses": [],
                "yield_": Yield(),
                "samples": Samples(),
                "stages": [],
                "trials": [],
                "versus": [],
            },
            0,
        ),
    ],
)
def test_missing_parts_leave_a_whole_page(changed: dict[str, object], drawings: int) -> None:
    page = Page(render_page(report(**changed)))
    assert page.open == [] and page.count("svg") == drawings
    assert "nan" not in page.text.lower().split() and "None" not in page.text


def test_a_loss_that_was_not_finite_is_said() -> None:
    points = [
        Loss(stage="sft", step=step, value=value) for step, value in enumerate((2.0, float("inf"), 1.0))
    ]
    assert "2.00 → 1.00, 1 not finite" in Page(render_page(report(losses=points))).text


def test_many_models_and_losses_still_fit() -> None:
    crowd = [measured("student", 60 + place, 50, 400.0 + place, name=f"s{place}") for place in range(12)]
    points = [Loss(stage=f"stage {place % 5}", step=place, value=1.0 / (1 + place)) for place in range(400)]
    assert Page(render_page(report(models=crowd, losses=points))).count("svg") == 6


@pytest.mark.filterwarnings("error")
def test_names_in_any_script_are_drawn() -> None:
    assert (
        "小さな計算機"
        in Page(render_page(report(models=[measured("student", 60, 50, 400.0, name="小さな計算機")]))).text
    )


def test_the_same_report_gives_the_same_page() -> None:
    again = Report.model_validate(json.loads(report().model_dump_json()))
    assert render_page(report()) == render_page(again)
