"""The kind `instruction`: new instructions proposed after examples, and the teacher's answers to them.

Self-instruct (Wang et al., 2022, arXiv 2212.10560) as Alpaca used it: each proposal is shown seeds and
instructions that were accepted before, and asked for another one. Evolution (Evol-Instruct, Xu et al., 2023,
arXiv 2304.12244) rewrites a proposal in depth or in breadth. A proposal that has a ROUGE-L of 0.7 or more
with a seed is not answered (Alpaca's rule); what is new beside all that was made before is for the check
`dedup` to say.

Proposals are made in rounds. Round n draws from what was accepted before round n - 1: so one round is always
in flight while the one before it is judged, and the same seeds and answers give the same proposals again.
"""

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from factory.chat_formats.unreadable import harmful, unreadable
from factory.inference.request import Answer
from factory.seeds.seed import Seed
from factory.system.digest import content_id
from factory.tasks.sample import Sample, Task
from factory.tasks.taskset import Ask, Episode, Pool
from factory.text.near import NearIndex
from factory.text.phrases import proposal_sign
from factory.text.reasons import Reason
from factory.text.repetition import repetition
from factory.text.rouge import rouge_l
from factory.text.strict_json import JsonFault, strict_json
from factory.text.templates import render, template_digest
from factory.text.thinking import without_thinking

PROPOSE, EVOLVE, ANSWER = "instruction_propose.j2", "instruction_evolve.j2", "instruction_answer.j2"
ROUND, SHARING = 64, 16
ALIKE = 0.7
# Alpaca's own rules for proposals: no sign at the beginning, more than three words. Of Chinese each character
# counts.
FEWEST_WORDS = 4
_BEGINS = re.compile(r"[\w\"'“‘「『《¿¡]")
_SENTENCE = re.compile(r"[\n.。]")
_WORD = re.compile(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+")
LONGEST = {"instruction": 400, "input": 600}
SCHEMA = {
    "type": "object",
    "properties": {
        "instruction": {"type": "string", "minLength": 10, "maxLength": LONGEST["instruction"]},
        "input": {"type": "string", "maxLength": LONGEST["input"]},
    },
    "required": ["instruction", "input"],
    "additionalProperties": False,
}


class InstructionTaskset:
    """Proposes instructions after `examples` seeds and as many as a third of that of its own making, evolves
    them `evolve` times, and has them answered."""

    def __init__(
        self, seeds: list[Seed], *, examples: int, seed: int, evolve: int = 0, own: Path | None = None
    ):
        used = [PROPOSE, ANSWER] + ([EVOLVE] if evolve else [])
        self.template_digest = content_id([template_digest(name, own) for name in used])
        self._seeds = seeds
        self._by_language: dict[str, list[Seed]] = {}
        for one in seeds:
            self._by_language.setdefault(one.language, []).append(one)
        self._seed_index = NearIndex(ALIKE)
        for one in seeds:
            self._seed_index.add(one.name, one.question)
        self._count, self._seed, self._evolve, self._own = examples, seed, evolve, own
        self._shown: dict[str, list[dict[str, str]]] = {}

    def tasks(self, pool: Pool) -> Iterator[Task | None]:
        """Yield tasks without end; the question of a task names its place, the instruction itself comes from
        the teacher."""
        number = 0
        while True:
            known = max(0, number // ROUND - 1) * ROUND
            while pool.judged < known:
                yield None
            made: dict[str, list[Sample]] = {}
            for sample in pool.accepted(known):
                made.setdefault(sample.task.language, []).append(sample)
            for place in range(number, number + ROUND):
                yield self._task(place, made)
            number += ROUND

    def _task(self, place: int, made: dict[str, list[Sample]]) -> Task:
        # Each seed leads in its turn, in another order in each round.
        turn, position = divmod(place, len(self._seeds))
        lead = random.Random(f"{self._seed}/turn/{turn}").sample(self._seeds, len(self._seeds))[position]
        # The others are the same for a few proposals in a row: their prompts share a beginning, which vLLM's
        # prefix cache pays once.
        chance = random.Random(f"{self._seed}/{place // SHARING}/{lead.language}")
        own = made.get(lead.language, [])
        chosen = chance.sample(own, min(len(own), self._count // 3))
        spoken = self._by_language[lead.language]
        others = chance.sample(spoken, min(len(spoken), max(0, self._count - 1 - len(chosen))))
        others = [seed for seed in others if seed is not lead]
        shown = [{"instruction": seed.question, "input": seed.input} for seed in others]
        shown += [{"instruction": sample.task.question, "input": sample.task.input} for sample in chosen]
        shown.append({"instruction": lead.question, "input": lead.input})
        parents = (*(seed.seed_id for seed in others), *(sample.sample_id for sample in chosen))
        task = Task(lead.seed_id, lead.language, lead.family, f"proposal {place}", "", parents=parents)
        self._shown[task.task_id] = shown
        # An episode begins as soon as its task is there.
        if len(self._shown) > 8 * ROUND:
            del self._shown[next(iter(self._shown))]
        return task

    def ask(self, task: Task) -> list[dict[str, str]]:
        """Return the messages that put an instruction, to be answered."""
        return _asked(task, self._own)

    def episode(self, task: Task, draw: int) -> Episode:
        """Propose, evolve, answer; an unusable or repeated proposal is a sample with a fault, and is not
        answered."""
        shown = self._shown[task.task_id]
        keys: list[str] = []
        prompt = render(PROPOSE, self._own, language=task.language, family=task.family, examples=shown)
        messages = [{"role": "user", "content": prompt}]
        proposal: dict[str, str] = {}
        for step in range(self._evolve + 1):
            if step:
                depth = random.Random(f"{task.task_id}/{draw}/{step}").random() < 0.5
                text = render(EVOLVE, self._own, language=task.language, depth=depth, **proposal)
                messages = [{"role": "user", "content": text}]
            answer = yield Ask(messages, SCHEMA)
            keys.append(answer.key)
            read, fault, detail = _proposal(answer)
            if read is None:
                assert fault is not None
                return _faulty(task, keys, answer, fault, detail)
            proposal = read
        made = Task(
            task.seed_id,
            task.language,
            task.family,
            proposal["instruction"],
            "",
            proposal["input"],
            task.parents,
        )
        # Looked for before the answer is paid for; the check `dedup` compares with everything that was kept.
        if near := self._seed_index.nearest(made.question):
            return _faulty(made, keys, answer, "near_seed", f"{near[0]}, ROUGE-L {near[1]:.2f}")
        if any(rouge_l(example["instruction"], made.question) >= ALIKE for example in shown):
            return _faulty(made, keys, answer, "copied_example", "")
        if not _BEGINS.match(made.question) or len(_WORD.findall(made.question)) < FEWEST_WORDS:
            return _faulty(made, keys, answer, "no_instruction", "")
        if echoed := next(
            (sentence for sentence in _SENTENCE.split(prompt) if rouge_l(sentence, made.question) >= ALIKE),
            None,
        ):
            return _faulty(made, keys, answer, "copied_prompt", echoed.strip())
        if looped := repetition(f"{made.question}\n{made.input}"):
            return _faulty(made, keys, answer, "repetition", looped)
        answer = yield Ask(self.ask(made))
        return answered(made, answer, self._own)


def answered(task: Task, answer: Answer, own: Path | None) -> Sample:
    """Return the sample of an instruction that was answered."""
    said = without_thinking(answer.text)
    fault, detail = (answer.error, "") if answer.error else unreadable(said) or (None, "")
    text = "" if fault else said.strip()
    return Sample(
        request_key=answer.key,
        task=task,
        text=answer.text,
        finish_reason=answer.finish_reason,
        fault=fault,
        detail=detail,
        answer=text or None,
        messages=None if fault else [*_asked(task, own), {"role": "assistant", "content": text}],
        said=task.question,
        dedup_key=content_id(
            [" ".join(task.question.casefold().split()), " ".join(task.input.casefold().split())]
        ),
    )


def _asked(task: Task, own: Path | None) -> list[dict[str, str]]:
    return [{"role": "user", "content": render(ANSWER, own, instruction=task.question, input=task.input)}]


def _proposal(answer: Answer) -> tuple[dict[str, str] | None, Reason | None, str]:
    if answer.error:
        return None, answer.error, ""
    if answer.finish_reason == "length":
        return None, "proposal_cut_off", ""
    said = without_thinking(answer.text)
    if found := unreadable(said):
        return None, *found
    try:
        value: Any = strict_json(said)
    except JsonFault as error:
        return None, error.reason, str(error)[:200]
    if (
        not isinstance(value, dict)
        or set(value) != {"instruction", "input"}
        or not all(isinstance(part, str) for part in value.values())
    ):
        return None, "wrong_shape", 'expected {"instruction": "...", "input": "..."}'
    read = {name: part.strip() for name, part in value.items()}
    if not read["instruction"]:
        return None, "empty", ""
    # Once more: what was written in escapes shows only now.
    if found := harmful(f"{read['instruction']}\n{read['input']}") or proposal_sign(**read):
        return None, *found
    # A server need not hold an answer to its schema, and accepted samples appear in later prompts.
    if too_large := [name for name, part in read.items() if len(part) > LONGEST[name]]:
        return None, "too_large", f"{too_large[0]}: {len(read[too_large[0]])} characters"
    return read, None, ""


def _faulty(task: Task, keys: list[str], answer: Answer, fault: Reason, detail: str) -> Sample:
    return Sample(
        request_key=answer.key,
        task=task,
        text=answer.text,
        finish_reason=answer.finish_reason,
        fault=fault,
        detail=detail,
        said=task.question,
        dedup_key=content_id(keys),
    )
