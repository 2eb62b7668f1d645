"""Every reason code, with the sentence that people read: why a sample was rejected, or left out of training.

Promise: the type checker refuses a code that is not in `ReasonCode` where it is written, and each has a
sentence in `SENTENCES`. Codes are what the store, SQL and exported files hold; wherever a person reads one,
its sentence is beside it.
"""

import re
from typing import Final, Literal, NewType, TypeAlias

ReasonCode = Literal[
    # of any answer
    "ok",
    "empty",
    "too_large",
    "not_text",
    "control_token",
    "cut_off",
    "thinking_cut_off",
    "filtered",
    "no_answer",
    "no_whole_reference",
    "prompt_too_long",
    # of an answer in JSON
    "not_json",
    "truncated_json",
    "not_finite",
    "too_deep",
    "wrong_shape",
    # of a tool call
    "unknown_tool",
    "missing_argument",
    "wrong_type",
    "bad_arguments",
    "too_many_steps",
    "no_call",
    "tool_error",
    "wrong_result",
    "ungrounded_argument",
    # of a rationale
    "no_final_answer",
    "conflicting_answers",
    "longer_rationale",
    "similar_rationale",
    # of a label
    "unknown_label",
    # of a proposed instruction
    "proposal_cut_off",
    "no_instruction",
    "near_seed",
    "copied_example",
    "copied_prompt",
    # of a text that is no good to learn from
    "refusal",
    "repetition",
    "wrong_language",
    "instruction_to_judge",
    "template_syntax",
    "too_short",
    "too_long",
    # of an answer beside others, or beside what is known
    "wrong_answer",
    "undecided_answer",
    "no_majority",
    "minority",
    "low_score",
    "not_scored",
    "duplicate",
    "near_duplicate",
    "semantic_duplicate",
    "held_out_leak",
    "personal_data",
    # of a sample that a stage of training leaves out
    "watched",
    "unread",
    "other_stage",
    "no_teacher",
    "too_few_logprobs",
    "no_logprobs",
    "other_length",
    "other_vocabulary",
    "other_token",
    "other_text",
    "other_form",
    "no_distribution",
    "label",
    # of a person
    "edited",
    "withdrawn",
    "old_answer",
    "old_reference",
    "wrong_reasoning",
    "unclear_question",
    "bad_language",
    "unsafe",
    "off_task",
]
# What became of a request at a server, as `refused_400` or `failed_timeout`: the beginning is in `_REQUESTS`.
RequestError = NewType("RequestError", str)
Reason: TypeAlias = ReasonCode | RequestError

SENTENCES: Final[dict[ReasonCode, str]] = {
    "ok": "passed",
    "empty": "nothing was answered",
    "too_large": "too long to be read",
    "not_text": "holds characters that are not text",
    "control_token": "holds a control token of a chat template",
    "cut_off": "cut off at the length limit",
    "thinking_cut_off": "max_tokens was used up by thinking",
    "filtered": "stopped by the server's content filter",
    "no_answer": "there is no answer to judge",
    "no_whole_reference": "the reference alone is no whole answer to learn",
    "prompt_too_long": "the prompt leaves no room for an answer",
    "not_json": "the answer is not JSON",
    "truncated_json": "the JSON ends too early",
    "not_finite": "the JSON holds NaN or an infinite number",
    "too_deep": "the JSON is nested too deeply",
    "wrong_shape": "not in the form that was asked for",
    "unknown_tool": "calls a tool that does not exist",
    "missing_argument": "a required argument is missing",
    "wrong_type": "an argument has the wrong type",
    "bad_arguments": "the tool does not accept these arguments",
    "too_many_steps": "calls tools in more steps than are allowed",
    "no_call": "there is no call to carry out",
    "tool_error": "the tool failed on this call",
    "wrong_result": "the result differs from the reference",
    "ungrounded_argument": "an argument has a number that is not in the question",
    "no_final_answer": "no final answer is marked",
    "conflicting_answers": "two final answers are marked, and they differ",
    "longer_rationale": "enough shorter rationales were kept for this question",
    "similar_rationale": "reasons like another rationale that was kept",
    "unknown_label": "the answer is none of the labels",
    "proposal_cut_off": "the proposal was cut off",
    "no_instruction": "what was proposed is not an instruction",
    "near_seed": "the proposal is too similar to a seed",
    "copied_example": "the proposed instruction copies an example",
    "copied_prompt": "the proposed instruction repeats the prompt",
    "refusal": "refuses to answer",
    "repetition": "repeats itself",
    "wrong_language": "written in the wrong language",
    "instruction_to_judge": "tells its grader what to do",
    "template_syntax": "holds template syntax that was not filled in",
    "too_short": "shorter than the recipe allows",
    "too_long": "longer than the recipe allows",
    "wrong_answer": "the answer is wrong",
    "undecided_answer": "the answer is not proved to be the reference's",
    "no_majority": "no answer to this question has a clear majority",
    "minority": "most answers to this question are different",
    "low_score": "the judge's score is too low",
    "not_scored": "the judge gave no score",
    "duplicate": "says the same as a sample that was kept",
    "near_duplicate": "worded almost like a sample that was kept",
    "semantic_duplicate": "means the same as a sample that was kept",
    "held_out_leak": "too similar to a held-out task",
    "personal_data": "holds personal data that is not in its seed",
    "watched": "set aside for validation",
    "unread": "the stage ends before it is reached",
    "other_stage": "the stage learns other sources or lessons",
    "no_teacher": "the teacher cannot read it token by token",
    "too_few_logprobs": "too few log-probabilities are stored for a token",
    "no_logprobs": "no log-probabilities are stored",
    "other_length": "not one stored distribution for each token",
    "other_vocabulary": "a stored token is unknown to the student",
    "other_token": "the stored distribution contradicts the token",
    "other_text": "the stored tokens spell another text",
    "other_form": "stored tokens write the call in another format",
    "no_distribution": "what is stored is not a distribution",
    "label": "the teacher wrote none of these tokens",
    "edited": "a person edited it",
    "withdrawn": "the person took this verdict back",
    "old_answer": "the question was changed, and what answers it was not",
    "old_reference": "the question was changed, and its reference was not",
    "wrong_reasoning": "the reasoning is wrong",
    "unclear_question": "the question is unclear",
    "bad_language": "the language is poor",
    "unsafe": "unsafe or harmful",
    "off_task": "does not do what was asked",
}
CODE = re.compile(r"[a-z0-9_]{1,60}")
_REQUESTS = {
    "refused_": "the server refused this request as wrong (HTTP {})",
    "failed_": "every attempt at this request failed, at last with {}",
}


def sentence(code: str) -> str:
    """Return the sentence of a reason code; its words, if a person invented it; any other text as it is."""
    if code in SENTENCES:
        return SENTENCES[code]
    if not CODE.fullmatch(code):
        return code
    for beginning, text in _REQUESTS.items():
        if code.startswith(beginning):
            return text.format(code.removeprefix(beginning).replace("_", " ").replace("http", "HTTP"))
    return code.replace("_", " ")
