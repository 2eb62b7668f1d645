"""Which language is a text in? By its script, and in Latin letters by the small words of a language.

Promise: English is said of a text only for its English words, never for want of others; where the words do
not tell, there is no answer. What is quoted, and what is to be translated, does not count. Not promised:
texts of a few words, names, languages that the lists do not have (Norwegian is not told from Danish).
"""

import re
from collections import Counter

# Words that stand in nearly every text of a language. What is a word of English too stands there as well, and
# speaks for neither.
_WORDS = {
    "en": """
        a an the and or of to in is are was were be been it its this that these those there
        what which who how many much why when where does do did has have had he she they we
        you i my your his her their our with for from on at by as if not no can could will
        would should about than then into after before all each every me us them please let
        explain describe write name give find list make say tell calculate
    """,
    "de": """
        der die das und ist sind war ich du er sie es wir ihr nicht ein eine einen einem
        einer den dem des zu zum zur mit für von auf im ist wie was wer wo warum wann welche
        welcher welches wenn dass als auch aber oder noch nur bei nach über aus habe hat
        haben wird werden kann sich mein meine ihre sehr bitte kein keine mir mich heißt
        kostet
    """,
    "fr": """
        le la les un une des du de et est sont je tu il elle nous vous ne pas que qui quoi
        quel quelle combien comment pourquoi dans sur avec pour par au aux ce cette mon ma
        mes votre vos leur plus mais ou où se en y a été suis avez d l j c qu n s
    """,
    "es": """
        el la los las un una unos de del y es son está yo tú él ella nosotros no que qué
        quién cuál cuánto cuántos cuántas cómo por para con sin en al se su sus mi mis muy
        más pero o como lo le me te hay ha he ser
    """,
    "pt": """
        o a os as um uma de do da dos das e é são não que quem qual quantos quantas como por
        para com sem em no na nos nas se seu sua meu minha mais mas ou ao à foi ele ela eu
        você está tem isso
    """,
    "it": """
        il lo la gli le un una di del della dei delle e è sono non che chi quale quanti
        quante come perché per con in nel nella su da dal al alla si mio mia suo sua più ma
        o ho ha hai questo questa io tu lui
    """,
    "nl": """
        de het een en van is zijn niet ik jij hij zij wij met voor op in te dat die wat wie
        hoe waar waarom hoeveel welke als maar of ook naar uit bij aan er heeft heb mijn uw
        je kan wordt geen
    """,
    "pl": """
        i w na z do że się nie jest są to ten ta jak co kto ile dlaczego gdzie czy ale lub
        dla od po przez mam ma moje mój proszę jego jej
    """,
    "sv": """
        och är det en ett att i på som för med inte jag du han hon vi ni den de till av om
        hur vad vem varför när var har från min mitt eller men kan
    """,
    "da": """
        og er det en et at i på som for med ikke jeg du han hun vi den de til af om hvor
        hvad hvem hvorfor hvornår har fra min mit eller men kan blev
    """,
    "fi": """
        ja on ei se hän minä sinä me te he että mikä mitä kuka kuinka monta missä miksi
        milloin kun niin ovat oli minun sinun tai mutta jos
    """,
    "tr": """
        ve bir bu şu o ne kim nasıl neden kaç için ile değil var yok mi mı da de çok daha
        ben sen biz siz onun ama veya
    """,
    "cs": """
        a je se na v s z do že není to ten ta jak co kdo kolik proč kde ale nebo pro od po
        jsem jsou má mám můj prosím
    """,
    "hu": """
        a az és egy nem van volt hogy mi ki mit hol miért hány mennyi hogyan de vagy ez azt
        én te ő mert kell csak
    """,
    "ro": """
        și este sunt un o de la în cu pentru pe nu ce cine cum cât câți câte unde de ce dar
        sau care mai am are să
    """,
    "id": """
        dan yang di ke dari ini itu adalah tidak saya kamu dia kami apa siapa berapa
        bagaimana mengapa untuk dengan pada atau akan ada
    """,
    "vi": """
        và là của có không cho một những các được trong với này đó tôi bạn gì bao nhiêu như
        thế nào
    """,
}
_LANGUAGES_OF: dict[str, list[str]] = {}
for _code, _words in _WORDS.items():
    for _word in dict.fromkeys(_words.split()):
        _LANGUAGES_OF.setdefault(_word, []).append(_code)
# A script, and the language that most of what is written in it is in; letters that tell another one.
_SCRIPTS = {
    "zh": r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff",
    "ko": r"\u1100-\u11ff\uac00-\ud7af",
    "ru": r"\u0400-\u04ff",
    "el": r"\u0370-\u03ff",
    "ar": r"\u0600-\u06ff",
    "he": r"\u0590-\u05ff",
    "hi": r"\u0900-\u097f",
    "th": r"\u0e00-\u0e7f",
}
_IN_SCRIPT = {code: re.compile(f"[{letters}]") for code, letters in _SCRIPTS.items()}
_TELLING = {
    "ja": ("zh", re.compile("[\u3041-\u3096\u30a1-\u30fa]")),
    "uk": ("ru", re.compile("[іїєґІЇЄҐ]")),
    "sr": ("ru", re.compile("[јљњћђЈЉЊЋЂ]")),
    "fa": ("ar", re.compile("[پچژگ]")),
}
# Letters that one of the languages alone has.
_MARKS = {
    "de": "ß",
    "es": "ñ¿¡",
    "pt": "ãõ",
    "pl": "łąęśżź",
    "cs": "řůě",
    "hu": "őű",
    "tr": "ğı",
    "ro": "țșăţ",
    "vi": "ơưđạảấầậếềệịọốồộớờợụủứừự",
}
OTHER_SCRIPTS = frozenset({*_SCRIPTS, *_TELLING})  # languages that are not written in Latin letters
_LETTER, _TOKEN = re.compile(r"[^\W\d_]"), re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[A-Za-z\u00aa-\u024f\u1e00-\u1eff]")
_QUOTED = re.compile(
    r"\"[^\"\n]*\"|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»|(?<!\w)'[^'\n]*'(?!\w)|「[^」\n]*」|`[^`\n]*`"
)
_TRANSLATE = re.compile(r"translat", re.IGNORECASE)
_FEWEST = 2  # different small words that make a language


def spoken(text: str) -> str | None:
    """Return the ISO 639-1 code of a text's language; None where its words do not tell."""
    plain = _QUOTED.sub(" ", text)
    if _TRANSLATE.search(plain):
        plain = re.split(r":|\n", plain, maxsplit=1)[0]
    latin, letters = len(_LATIN.findall(plain)), len(_LETTER.findall(plain))
    scripts = {code: len(pattern.findall(plain)) for code, pattern in _IN_SCRIPT.items()}
    kana = len(_TELLING["ja"][1].findall(plain))
    script = max(scripts, key=lambda code: scripts[code] + kana * (code == "zh"))
    found = scripts[script] + kana * (script == "zh")
    if found and 2 * found > letters:
        return _of_script(script, plain)
    told = _by_words(plain)
    # A Chinese character says as much as a Latin word's beginning; names stay in Latin letters.
    return told or (_of_script(script, plain) if 3 * found > latin else None)


def _of_script(script: str, text: str) -> str:
    return next((code for code, (of, mark) in _TELLING.items() if of == script and mark.search(text)), script)


def _by_words(text: str) -> str | None:
    counts: Counter[str] = Counter()
    different: dict[str, set[str]] = {}
    for word in map(str.casefold, _TOKEN.findall(text)):
        for code in _LANGUAGES_OF.get(word, ()):
            counts[code] += 1
            different.setdefault(code, set()).add(word)
    for code, marks in _MARKS.items():
        if seen := set(marks) & set(text.casefold()):
            counts[code] += len(seen)
            different.setdefault(code, set()).update({"a letter of its own", *seen})
    (first, most), *others = [*counts.most_common(2), ("", 0)]
    if not most or most == others[0][1]:
        return None
    if first == "en" or len(different[first]) >= _FEWEST:
        return first
    return None
