"""Is an answer written in the script of its task's language?

By script alone: an English task is answered in Latin letters, a Chinese one in Han characters. Code,
addresses and mathematics count for neither, and where too little is left nothing is said. Not promised:
telling English from French, or Chinese from Japanese without kana; other languages than `en` and `zh` are not
judged.
"""

import re

# A scheme begins a word, and the name in an address has at most 64 characters (RFC 5321): else a long word
# would take a square of time.
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$|\b\w+://\S+|\S{1,64}@\S+", re.DOTALL)
_CODE_LINE = re.compile(
    r"[{}=;<>\\|]|^\s*(?:def|class|import|from|return|for|if|else|elif|while|print|SELECT|#|//|--)\b"
    r"|\w\(|^(?:\t| {4})"
)
# A question that speaks of another language may be answered in it.
_OTHER = re.compile(
    r"translat|\blanguage|bilingual|multilingual|pinyin|\b(?:english|chinese|mandarin|cantonese|japanese|korean|french|german|spanish|russian"
    r"|arabic|greek|hebrew|hindi|latin|thai)\b|翻译|译成|译为|语言|双语|拼音|外语|[英汉法德日韩俄]语|[英中法德日韩俄]文|西班牙|阿拉伯|拉丁|单词|字母",
    re.IGNORECASE,
)
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_LATIN = re.compile(r"[A-Za-z\u00aa-\u024f\u1e00-\u1eff]")
_LETTER = re.compile(r"[^\W\d_]")
_ENOUGH_LATIN, _ENOUGH_OTHER = 30, 8


def wrong_language(language: str, question: str, answer: str) -> str | None:
    """Return what an answer is written in instead, for a person, or None."""
    if language not in ("en", "zh") or _OTHER.search(question):
        return None
    prose = "\n".join(line for line in _CODE.sub(" ", answer).splitlines() if not _CODE_LINE.search(line))
    letters, latin, han = (len(pattern.findall(prose)) for pattern in (_LETTER, _LATIN, _HAN))
    other = letters - latin
    if language == "en":
        # A question that quotes another script may be answered with it.
        foreign = other >= _ENOUGH_OTHER and other > latin and not _mostly_other(question)
        return f"{other} of {letters} letters are not Latin" if foreign else None
    if len(_KANA.findall(prose)) * 4 > letters >= _ENOUGH_OTHER:
        return "kana"
    if other - han >= _ENOUGH_OTHER and other - han > han:
        return f"{other - han} of {letters} letters are neither Han nor Latin"
    if latin >= _ENOUGH_LATIN and han * 20 < latin:
        return f"{han} Han characters beside {latin} Latin letters"
    return None


def _mostly_other(text: str) -> bool:
    letters, latin = len(_LETTER.findall(text)), len(_LATIN.findall(text))
    return letters - latin >= _ENOUGH_OTHER / 2
