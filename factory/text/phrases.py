"""Detection of unfilled templates and of instructions to the grader, in English and Chinese.

Each function returns the words that it found, or None. Promise: a template's syntax is fine in code, fenced
or not, and where the question is about templates or shows one; an order to a grader where the question is
about such orders or holds one. A question that a teacher proposes is looked at by itself (`proposal_sign`),
so it cannot excuse its own answer. Not promised: every wording; a list like this one is never complete.

Nothing that is found here could do anything: no text from a seed or a teacher is ever rendered as a template,
and a judge sees it fenced. It is refused because a student would learn it.
"""

import re

from factory.text.reasons import ReasonCode

_TEMPLATE = re.compile(
    # Not after a letter, a sign of LaTeX or a brace: \frac{{a}}{b}, x^{{2}}, {{1, 2}, {3, 4}}.
    r"(?<![\\\w^{}])\{\{-?[^{}\n]*?(?:[A-Za-z_]\w*|\d\s*[-+*/]\s*\d)[^{}\n]*-?\}\}(?!\})|\{%-?\s*\w[^%\n]{0,200}%\}"
)
_ABOUT_TEMPLATES = re.compile(
    r"template|placeholder|jinja|mustache|handlebars|django|liquid|angular|\bvue|\bhelm\b|ansible|f-string|模板|占位",
    re.IGNORECASE,
)
_FENCED = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
# Markup, an attribute of JSX, a workflow's expression, a quoted value in YAML, a statement.
_CODE = re.compile(r"</?[A-Za-z][\w.:-]*(?:\s[^<>]*)?/?>|\$\{\{|=\s*[\"']?\{\{|:\s*[\"'][^\"']*\{\{|[;{]\s*$")
# Items side by side are a list in braces, no expression.
_LISTED = re.compile(r"\{\{[^{}()|\[\]]*,[^{}()|\[\]]*\}\}")

_THIS = (
    r"(?:this|the|my|that|above)(?: \w+)? "
    r"(?:answer|response|reply|submission|sample|output|solution|completion)"
)
_TOP_SCORE = r"(?:max(?:imum)?|highest|top|perfect|best)(?: possible)? (?:score|marks?|grade|rating)"
_TOP = rf"(?:10|ten|100|5/5|10/10|full (?:marks|score|points)|(?:the |a )?{_TOP_SCORE})"
_TO_JUDGE = re.compile(
    r"\b(?:ignore|disregard|forget|override|skip|bypass)\b[^.!?\n]{0,30}\b(?:rubric|(?:grading|scoring|evaluation|judging|marking)"
    r" (?:criteria|rules|instructions|guidelines|scheme|scale))"
    r"|\b(?:ignore|disregard|forget|override)\b (?:all |any |the |your |of |these )*"
    r"(?:previous|prior|above|earlier|preceding|system)"
    r" (?:instructions?|prompts?|directions|guidelines|rules)"
    rf"|\b(?:score|rate|grade|mark) {_THIS}"
    rf"(?:(?!\bfrom\b|\bscale\b|\bbetween\b|\bto\b)[^.!?\n]){{0,25}}\b{_TOP}\b"
    rf"|\b(?:give|award|assign) (?:{_THIS}|it|me)(?: (?:a|an|the))?(?: score of| rating of| grade of)? ?"
    rf"(?:10/10|5/5|(?:10|ten|100) (?:points|marks)|full (?:marks|score|points)|{_TOP_SCORE})"
    r"|\b(?:note|message|instructions?) (?:to|for) (?:the )?(?:judge|grader|evaluator|rater)s?\b",
    re.IGNORECASE,
)
_TO_JUDGE_ZH = re.compile(
    r"(?:忽略|无视|忘记|忘掉|不要理会|不用管|跳过|绕过)[^。！？\n]{0,12}(?:评分|打分|评判|评审|评估|评价|量规)"
    r"|(?:忽略|无视|忘记|忘掉)(?:以上|之前|前面|上述|此前|系统)[^。！？\n]{0,8}(?:指令|指示|提示|规则|要求|设定)"
    r"|(?:给|为|对|把)(?:我的|本|这个|这条|这份|该|此|以上)(?:回答|答案|回复|输出|样本|解答)[^。！？\n]{0,8}"
    r"(?:满分|最高分|10 ?分|十分|100 ?分)"
    r"|(?:请|必须|务必|直接)(?:直接)?(?:打|给)(?:满分|最高分|10 ?分)"
)
_ABOUT_INJECTION = re.compile(r"injection|jailbreak|adversarial|red.?team|注入|越狱|攻击", re.IGNORECASE)


def template_syntax(question: str, answer: str) -> str | None:
    """Return a template's expression or statement in an answer, unless the question asks for such things."""
    about = _ABOUT_TEMPLATES.search(question) or "{{" in question or "{%" in question
    return None if about else _unfilled(answer)


def instruction_to_judge(question: str, answer: str) -> str | None:
    """Return the words by which an answer tells its grader what to do, unless the question asks for such
    words."""
    return None if _ABOUT_INJECTION.search(question) or _order(question) else _order(answer)


def proposal_sign(instruction: str, input: str) -> tuple[ReasonCode, str] | None:
    """Return (reason, words) for a proposed question with one of the two above in it, unless it says that it
    is about such things."""
    text = f"{instruction}\n{input}"
    if not _ABOUT_INJECTION.search(instruction) and (words := _order(text)):
        return "instruction_to_judge", words
    if not _ABOUT_TEMPLATES.search(instruction) and (words := _unfilled(text)):
        return "template_syntax", words
    return None


def _unfilled(text: str) -> str | None:
    for line in _FENCED.sub(" ", text).splitlines():
        found = None if _CODE.search(line) else _TEMPLATE.search(_LISTED.sub(" ", line))
        if found:
            return found.group()[:100]
    return None


def _order(text: str) -> str | None:
    found = _TO_JUDGE.search(text) or _TO_JUDGE_ZH.search(text)
    return found.group()[:100] if found else None
