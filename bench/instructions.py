"""Instructions as a stream, for benchmarks: invented, natural in length and in how often words come, with a
known share of near copies.

Row i depends on i alone, so a stream of any length needs no memory, and a near copy can be made of any row
before it. Words follow Zipf's law: the common ones are English, the rare ones are made of syllables. One row
in ten is Chinese.
"""

import random
from collections.abc import Iterator

COPIES = 0.2
CHINESE = 0.1
_VOCABULARY, _SHIFT = 60_000, 30

_VERBS, _MANNERS, _KINDS, _JOINTS = (
    line.split()
    for line in (
        (
            "Write Draft Compose Create Prepare Sketch Suggest Invent Outline Give Produce Imagine Edit "
            "Review Plan Improve"
        ),
        (
            "short long funny formal simple careful detailed surprising honest polite bold dry clear vivid "
            "modest useful"
        ),
        "story letter poem essay speech summary review recipe plan list table dialogue question riddle "
        "headline report lesson joke song argument definition proof function query test checklist schedule "
        "advertisement caption translation paraphrase outline",
        "about on for against with concerning describing comparing explaining",
    )
)
_QUESTIONS = [
    "What is the difference between {} and {}?",
    "Why does {} matter to {}?",
    "How would you teach {} to {}?",
    "Which of {}, {} and {} came first?",
    "When did {} become part of {}?",
    "Could you define {}?",
    "What happens to {} when {} is heated?",
    "Who was the first to bring {} to {}?",
    "Sort these by size: {}, {}, {}, {}.",
    "Explain {} as if {} were listening.",
    "Is it true that {} depends on {}?",
    "Tell me how to repair {}.",
]
_MIDDLES = [
    *[""] * 6,
    " while {} is scarce",
    ", using {} as an example",
    " that helps {}",
    " for people who have never seen {}",
    " without any mention of {}",
    " when there is neither {} nor {}",
    " in the style of {}",
    " before {} arrives",
    " in spite of {}",
    ", starting from {}",
    " so that even {} can follow",
    " given that {} costs more than {}",
    " once {} has ended",
]
_ENDINGS = [
    *["."] * 7,
    ". Use at most {} words.",
    ". Answer in {} parts.",
    ". End with {}.",
    ". Avoid the word {}.",
    ". Mention {} twice.",
]
_CHINESE_FRAMES = [
    "请写一篇关于{}和{}的短文，语言要生动。",
    "解释{}为什么会影响{}，并举出一个例子。",
    "列出{}的三个优点和两个缺点。",
    "如果没有{}，{}会变成什么样？",
    "把{}比作{}，写四句诗。",
    "怎样向孩子介绍{}与{}的区别？",
    "为{}设计一份包含{}的学习计划。",
]
_CHINESE_SIGNS = (
    "山水风云花鸟鱼虫江河湖海春夏秋冬东南西北金木火土书画琴棋茶酒诗歌车船桥路"
    "城乡村镇灯光影声色香味食衣居行医学工农商兵法理数物化生史地政音体美梦星月"
)
_COMMON, _ADJECTIVES, _SYLLABLES = (
    line.split()
    for line in (
        "water house music garden school history friend river market winter story science teacher village "
        "engine picture letter island doctor bridge window forest energy family animal language kitchen "
        "holiday colour travel journey student machine computer ocean mountain city country train bicycle "
        "coffee bread sugar cotton paper glass metal stone light shadow memory silence courage patience "
        "luck budget contract meeting customer product software network database algorithm planet galaxy "
        "molecule bacteria protein climate harvest festival theatre painting poem novel sculpture orchestra "
        "violin dance football tennis chess puzzle riddle soup salad cheese passport airport hotel museum "
        "library hospital station factory farm harbour castle temple desert valley lake storm thunder rain "
        "snow",
        (
            "old small quiet modern rare bright cheap public distant early gentle hidden broken famous "
            "local heavy simple rapid cold wild"
        ),
        (
            "ba ber cal cor dan del el fen gar hol in ja kel lor ma mer nor ol pen quil ra ros sel ta tor "
            "ul van wes yor zin"
        ),
    )
)


def instruction(number: int) -> str:
    """Return row `number` of the stream."""
    chance = random.Random(number)
    if number and chance.random() < COPIES:
        return _nearly(_fresh(random.Random(-1 - chance.randrange(number))), chance)
    return _fresh(random.Random(-1 - number))


def instructions(count: int) -> Iterator[str]:
    """Yield the first `count` rows."""
    return map(instruction, range(count))


def _fresh(chance: random.Random) -> str:
    if chance.random() < CHINESE:
        frame = chance.choice(_CHINESE_FRAMES)
        return frame.format(
            *(
                "".join(chance.choices(_CHINESE_SIGNS, k=chance.randint(2, 4)))
                for _ in range(frame.count("{}"))
            )
        )
    if chance.random() < 0.3:
        frame = chance.choice(_QUESTIONS)
    else:
        kind = f"{chance.choice(_VERBS)} a {chance.choice(_MANNERS)} {chance.choice(_KINDS)}"
        frame = f"{kind} {chance.choice(_JOINTS)} {{}}{chance.choice(_MIDDLES)}{chance.choice(_ENDINGS)}"
    return frame.format(*(_thing(chance) for _ in range(frame.count("{}"))))


def _thing(chance: random.Random) -> str:
    words = [_word(chance) for _ in range(chance.choice((1, 2, 2, 3)))]
    return (
        " of ".join(words) if chance.random() < 0.6 else f"the {chance.choice(_ADJECTIVES)} {' '.join(words)}"
    )


def _word(chance: random.Random) -> str:
    # The inverse of the distribution function of Zipf-Mandelbrot's law with exponent 1: content words, of
    # which none leads by far.
    rank = int(_SHIFT * (1 + _VOCABULARY / _SHIFT) ** chance.random() - _SHIFT)
    if rank < len(_COMMON):
        return _COMMON[rank]
    name = random.Random(rank)
    return "".join(name.choices(_SYLLABLES, k=name.choice((2, 3, 3))))


def _nearly(text: str, chance: random.Random) -> str:
    """Return a text with one or two words, or Chinese signs, put in, left out or changed; sometimes only its
    punctuation."""
    joint = " " if " " in text else ""
    parts = text.split() if joint else list(text)
    for _ in range(chance.choice((0, 1, 1, 2, 2, 3))):
        place = chance.randrange(len(parts))
        new = _word(chance) if joint else chance.choice(_CHINESE_SIGNS)
        parts[place : place + chance.choice((0, 1, 1))] = chance.choice(([new], [new], []))
        parts = parts or [new]
    return joint.join(parts) + chance.choice(("", "", " Please.", "!"))
