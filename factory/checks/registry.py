"""Which check a name in a recipe means."""

from collections.abc import Iterable

from factory.checks.agreement import AgreementCheck
from factory.checks.check import Check, GroupCheck, StreamCheck
from factory.checks.decontamination import DecontaminationCheck
from factory.checks.dedup import DedupCheck
from factory.checks.degenerate import DegenerateCheck
from factory.checks.execution import ExecutionCheck
from factory.checks.finish_reason import FinishReasonCheck
from factory.checks.judge import JudgeCheck
from factory.checks.length import LengthCheck
from factory.checks.personal import PersonalCheck
from factory.checks.schema import SchemaCheck
from factory.checks.selection import SelectionCheck
from factory.checks.suite import CheckSuite
from factory.recipe import checks as chosen
from factory.recipe.sources import DataSource
from factory.seeds.seed import Seed
from factory.system.digest import content_id
from factory.tools.spec import ToolSpec

POOL_THRESHOLD = 0.7  # ROUGE-L, Alpaca's rule for what enters its pool


def build_pool_suite(kind: str) -> CheckSuite:
    """Return what decides which samples are shown to the teacher as examples, whatever the recipe's checks
    are."""
    single: list[Check] = [SchemaCheck(kind), FinishReasonCheck(), DegenerateCheck()]
    return CheckSuite(single, [], [DedupCheck(threshold=POOL_THRESHOLD, semantic=None)])


def build_suite(
    source: DataSource, tools: list[ToolSpec], held_out: list[Seed], plan_id: str, seeds: Iterable[Seed] = ()
) -> CheckSuite:
    """Return the checks that a source names, and the choice among right answers of a kind that makes one."""
    seeds = tuple(seeds)
    single: list[Check] = []
    draws: list[GroupCheck] = []
    stream: list[StreamCheck] = []
    for item in source.checks:
        match chosen.check_name(item), chosen.settings(item):
            case "schema", _:
                single.append(
                    SchemaCheck(
                        content_id([tool.model_dump() for tool in tools]) if tools else source.data.kind
                    )
                )
            case "execution", _:
                single.append(ExecutionCheck())
            case "finish_reason", _:
                single.append(FinishReasonCheck())
            case "degenerate", chosen.Degenerate() as degenerate:
                single.append(DegenerateCheck((seed.language for seed in seeds), degenerate.refusals))
            case "personal", _:
                single.append(PersonalCheck(seeds))
            case "decontamination", _:
                telling = source.kind.telling_references
                single.append(DecontaminationCheck(held_out, seeds, tools, references=telling))
            case "length", chosen.Length() as length:
                single.append(LengthCheck(min_words=length.min_words, max_words=length.max_words))
            case "judge", chosen.Judge() as judge:
                single.append(JudgeCheck(judge.min_score))
            case "agreement", chosen.Agreement() as agreement:
                draws.append(AgreementCheck(agreement.margin))
            case "dedup", chosen.Dedup() as dedup:
                stream.append(DedupCheck(threshold=dedup.threshold, semantic=dedup.semantic))
    if (kept := source.kind.selection(source.data)) is not None:
        draws.append(SelectionCheck(*kept))
    return CheckSuite(single, draws, stream, plan_id)
