"""Detection of refusals, unfilled templates and instructions to the grader, in English and Chinese.

Each function returns the words that it found, or None. Promise: only what the assistant says in its own voice
counts as a refusal, so a letter that declines an invitation, or a quotation, is none; a template's syntax is
fine in code, and where the question is about templates or shows one; an order to a grader where the question
is about such orders or holds one. A question that a teacher proposes is looked at by itself
(`proposal_sign`), so it cannot excuse its own answer. Not promised: every wording; a list like this one is
never complete.

Nothing that is found here could do anything: no text from a seed or a teacher is ever rendered as a template,
and a judge sees it fenced. It is refused because a student would learn it.
"""

import re

from factory.text.reasons import ReasonCode

_CANNOT = (
    r"(?:can ?no?t|can't|cant|could ?n[o']t|won't|will not|am (?:not able|unable|not (?:allowed|permitted))"
    r"(?: to)?|'m (?:not able|unable|not (?:allowed|permitted))(?: to)?)"
)
_LACK = r"(?:do not|don't|dont) (?:currently |actually )?(?:have|possess)"
_SERVE = (
    r"(?:assist|help (?:you )?(?:with (?:that|this)|in that)|help you\b(?=[.!]|$)|provide|comply|fulfil"
    r"|answer|respond|generate|discuss|engage in|complete (?:this|that|your)|create|write|produce|do that"
    r"|process|continue with|support (?:this|that)|access|browse|participate)"
)
_REFUSAL = re.compile(
    r"(?:(?:i'?m|i am) (?:very |really |so )?(?:sorry|afraid)|i apologi[sz]e|sorry|unfortunately"
    rf"|my apologies)[^.!?\n]{{0,40}}?\bi ?{_CANNOT}\b[^.!?\n]{{0,20}}?\b{_SERVE}"
    rf"|i ?{_CANNOT} (?:assist|comply|fulfil|(?:help|provide|answer|generate|create|write|discuss|engage in)"
    r" [^.!?\n]{0,40}\b(?:request|that|this|content|question))"
    r"|(?:as|i(?:'m| am)(?: just| only)?) an? (?:ai|artificial intelligence|(?:large )?language model)\b"
    rf"[^.!?\n]{{0,80}}(?:\bi (?:do not|don't|{_CANNOT})|\bcannot\b|\bunable\b)"
    # What a person may lack as well (an ability to swim, access to a kitchen) is none.
    rf"|\bi {_LACK} (?:the |any )?(?:ability|capability|capacity) to (?:directly |physically )?"
    r"(?:access|assist|browse|comply|fulfil|generate|provide(?! for)|retrieve|process|engage in"
    r"|help (?:you )?with|(?:answer|perform|discuss) (?:this|that|your))\b"
    rf"|\bi (?:{_LACK} access to|{_CANNOT} (?:access|browse|search)) (?:any )?(?:real[- ]time|live data"
    r"|external (?:websites?|sources|data)|current (?:data|information|events|news)"
    r"|personal (?:data|information)|the (?:live )?web\b)",
    re.IGNORECASE,
)
_SERVE_ZH = r"(?:回答|提供|访问|浏览|生成|协助|满足|执行|联网|获取|讨论)"
_REFUSAL_ZH = re.compile(
    r"(?:很|非常|十分|实在)?(?:抱歉|对不起|不好意思|遗憾)[^。！？\n]{0,24}?(?:无法|不能|没办法|没有办法|不可以|不便)[^。！？\n]{0,12}?"
    r"(?:回答|提供|帮助|协助|完成|满足|生成|处理|讨论|执行|给出|创作|撰写|回应|继续)"
    r"|(?:我|作为|身为)[^。！？\n]{0,10}(?:AI|人工智能|语言模型|大模型)[^。！？\n]{0,24}(?:无法|不能|没有能力|不会)"
    r"|我(?:无法|不能|没法|没办法|没有办法|不便)(?:回答|提供|满足|协助|完成|帮助|回应|讨论|执行|生成)(?:您|你|这|此|该|相关)"
    r"[^。！？\n]{0,8}(?:请求|问题|要求|内容|任务|信息)"
    rf"|我(?:并|目前)?(?:没有|不具备|不具有)(?:能力|权限)(?:去|来)?(?:直接)?{_SERVE_ZH}"
    rf"|我(?:并|目前)?(?:没有|不具备|不具有)(?:直接)?{_SERVE_ZH}[^。！？\n]{{0,10}}的(?:能力|权限|功能)"
    r"|恕(?:我)?(?:无法|不能|难以?)(?:回答|提供|满足|协助|从命|奉告|告知)"
    r"|我(?:必须|不得不|只能)拒绝(?:回答|提供|您|你|这|此)",
    re.IGNORECASE,
)
_LEAD = 240
# Typographic apostrophes are the rule in what models write.
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u2032\u00b4\u0060\uff07", "'"))

_TEMPLATE = re.compile(
    # Not after a letter, a sign of LaTeX or a brace: \frac{{a}}{b}, x^{{2}}, {{1, 2}, {3, 4}}.
    r"(?<![\\\w^{}])\{\{-?[^{}\n]*?(?:[A-Za-z_]\w*|\d\s*[-+*/]\s*\d)[^{}\n]*-?\}\}(?!\})|\{%-?\s*\w[^%\n]{0,200}%\}"
)
_ABOUT_TEMPLATES = re.compile(
    r"template|placeholder|jinja|mustache|handlebars|django|liquid|angular|\bvue|\bhelm\b|ansible|f-string|模板|占位",
    re.IGNORECASE,
)
_FENCED = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)

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


def refusal(answer: str) -> str | None:
    """Return the refusal with which an answer begins."""
    start = answer.lstrip()[:_LEAD]
    if start[:1] in "\"'“‘’「『>*" and start[:2] != "**":
        return None
    start = start.translate(_APOSTROPHES)
    found = _REFUSAL.search(start) or _REFUSAL_ZH.search(start)
    # In its own voice means at once: a letter has its greeting first.
    return found.group() if found and found.start() <= 30 and "\n" not in start[: found.start()] else None


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
    found = _TEMPLATE.search(_FENCED.sub(" ", text))
    return found.group()[:100] if found else None


def _order(text: str) -> str | None:
    found = _TO_JUDGE.search(text) or _TO_JUDGE_ZH.search(text)
    return found.group()[:100] if found else None
