"""Refusals are known in the languages of the seeds and in a person's own phrases; what people cannot do is
none."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.text.refusals import OTHERS, refusal

REFUSALS = {
    "de": [
        "Es tut mir leid, aber ich kann dabei nicht helfen.",
        "Leider kann ich diese Frage nicht beantworten.",
        "Als KI-Sprachmodell habe ich keine Gefühle.",
        "Ich kann Ihnen bei dieser Anfrage nicht weiterhelfen.",
        "Ich bin leider nicht in der Lage, das zu beantworten.",
    ],
    "fr": [
        "Je suis désolé, mais je ne peux pas vous aider avec cela.",
        "Désolée, je ne peux pas répondre à cette question.",
        "En tant qu’IA, je n’ai pas d’opinion.",
        "Je ne suis pas en mesure de fournir ces informations.",
    ],
    "es": [
        "Lo siento, pero no puedo ayudarte con eso.",
        "Lo siento, no puedo responder a esa pregunta.",
        "Como modelo de lenguaje, no tengo opiniones.",
        "No puedo proporcionar esa información.",
    ],
    "pt": [
        "Desculpe, mas não posso ajudar com isso.",
        "Sinto muito, não posso responder a essa pergunta.",
        "Como um modelo de linguagem, não tenho opiniões.",
        "Não posso fornecer essas informações.",
    ],
    "it": [
        "Mi dispiace, ma non posso aiutarti con questo.",
        "Mi dispiace, non posso rispondere a questa domanda.",
        "In quanto modello linguistico, non ho opinioni.",
        "Non posso fornire queste informazioni.",
    ],
    "nl": [
        "Het spijt me, maar ik kan je daar niet mee helpen.",
        "Sorry, ik kan deze vraag niet beantwoorden.",
        "Als AI-taalmodel heb ik geen mening.",
        "Helaas kan ik dat verzoek niet uitvoeren.",
    ],
    "ru": [
        "Извините, но я не могу помочь с этим.",
        "К сожалению, я не могу ответить на этот вопрос.",
        "Как языковая модель, я не имею мнения.",
        "Я не могу предоставить эту информацию.",
    ],
    "ja": [
        "申し訳ありませんが、そのご質問にはお答えできません。",
        "AI言語モデルとして、個人的な意見を述べることはできません。",
        "申し訳ございませんが、そのような内容は提供できません。",
        "恐れ入りますが、対応いたしかねます。",
    ],
    "ko": [
        "죄송하지만 그 요청은 도와드릴 수 없습니다.",
        "AI 언어 모델로서 저는 의견이 없습니다.",
        "죄송합니다만 해당 정보를 제공할 수 없습니다.",
        "죄송하지만 답변드릴 수 없습니다.",
    ],
}
NONE = [
    "Leider kann ich am Montag nicht kommen.",
    "Ich kann den Anhang nicht öffnen.",
    "Ich kann dir beim Umzug am Sonntag nicht helfen, frag doch Tom.",
    "Liebe Anna,\nich kann dabei nicht helfen.",
    "„Ich kann diese Frage nicht beantworten“, sagte der Roboter.",
    "Je ne peux pas venir lundi, désolé.",
    "Les manchots ne peuvent pas voler.",
    "No puedo ir el lunes, lo siento.",
    "Como pan y no tomo leche.",
    "Não posso ir na segunda-feira.",
    "Non posso venire lunedì.",
    "Come antipasto non c'è molto.",
    "Ik kan maandag niet komen.",
    "Helaas kan ik de bijlage niet openen.",
    "Я не могу прийти в понедельник.",
    "Пингвины не могут летать.",
    "月曜日は出席できません。",
    "ペンギンは空を飛ぶことができません。",
    "월요일에는 갈 수 없습니다.",
    "펭귄은 날 수 없습니다.",
]


@pytest.mark.parametrize(
    ("language", "words"), [(language, words) for language, said in REFUSALS.items() for words in said]
)
def test_a_refusal_in_a_language_that_is_named_is_found(language: str, words: str) -> None:
    assert refusal(words, [language])
    assert refusal(words, OTHERS)
    assert refusal(words) is None, "nobody said that this language is spoken"


@pytest.mark.parametrize("words", NONE)
def test_what_a_person_cannot_do_is_no_refusal(words: str) -> None:
    assert refusal(words, OTHERS) is None


def test_every_language_is_tried() -> None:
    assert set(REFUSALS) == OTHERS


@pytest.mark.parametrize(
    ("phrases", "answer", "found"),
    [
        (["Niestety nie mogę"], "Niestety nie mogę w tym pomóc.", True),
        (["niestety NIE mogę"], "  Niestety nie mogę w tym pomóc.", True),
        (["Sajnálom", "Niestety"], "Sajnálom, de ebben nem segíthetek.", True),
        (["I'd rather not"], "I’d rather not say.", True),
        (["Niestety"], "Powiedział: niestety.", False),
        ([], "Niestety nie mogę w tym pomóc.", False),
    ],
)
def test_a_persons_own_phrases_count_at_the_beginning(
    phrases: Sequence[str], answer: str, found: bool
) -> None:
    assert (refusal(answer, (), phrases) is not None) is found


@given(st.text(st.characters(exclude_categories=[]), max_size=400))
def test_no_text_breaks_it(text: str) -> None:
    found = refusal(text, OTHERS)
    assert found is None or found in text.translate(str.maketrans("’‘ʼ′´`＇", "'''''''"))
