"""Personal data is found in three languages, and prices, dates and numbers of orders are left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.text.personal import personal


def found(text: str) -> list[tuple[str, str]]:
    return [(one.what, text[one.start : one.end]) for one in personal(text)]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Call +49 30 901820 today.", "+49 30 901820"),
        ("(415) 555-2671", "(415) 555-2671"),
        ("Reach me on 415-555-2671, please.", "415-555-2671"),
        ("+1.415.555.2671", "+1.415.555.2671"),
        ("call me at 555-2671", "555-2671"),
        ("phone:4155552671", "4155552671"),
        ("London: 020 7946 0958", "020 7946 0958"),
        ("Tel. 030/901820", "030/901820"),
        ("Ruf 030 901820 an, bitte.", "030 901820"),
        ("Meine Nummer ist 0171-1234567.", "0171-1234567"),
        ("Mobil: 01711234567", "01711234567"),
        ("Vorwahl mit 0049 30 901820 12", "0049 30 901820 12"),
        ("Telefonnummer: 901 8201", "901 8201"),
        ("我的手机是13812345678。", "13812345678"),
        ("请拨打 400-820-8820 咨询", "400-820-8820"),
        ("办公室 010-62781234", "010-62781234"),
        ("+86 138 1234 5678", "+86 138 1234 5678"),
        ("10 030 901820", "030 901820"),
    ],
)
def test_a_phone_number_is_found_whole(text: str, number: str) -> None:
    assert found(text) == [("PHONE", number)]


@pytest.mark.parametrize(
    "text",
    [
        "On 2024-11-29 at 10:30, or 01/02/2024.",
        "Meet from 08:30 to 17:45; call at 10:30.",
        "Order 112-4433221-0988776 cost $1,234,567.89.",
        "order number 0815-4711-123",
        "invoice no. 0201-334455",
        "version 10.0.19045.2728, then v0.12.3",
        "48.137154, 11.576124 or +48.137154, +11.576124",
        "from 2010-2015, ISBN 978-3-16-148410-0",
        "at 1700000000000 ms, 192.168.100.200",
        "What is 13812345678 + 5?",
        "12 345 678 people, +1 000 000 km",
        "2024-11-29T10:00:00+0100",
        "The phone costs 1200000 won.",
        "Am 03.10.1990 um 12 Uhr, Raum 0815.",
        "Bestellnummer 015112345678",
        "Rechnung Nr. 0201 334455 über 1.234.567,89 €",
        "Artikelnummer: 0301-445566",
        "订单号13812345678，共计 12345678 元",
        "货号 021-62781234",
        "2024年11月29日，经度 116.404",
        "价格 ¥1380000",
    ],
)
def test_other_numbers_are_left_alone(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "what", "piece"),
    [
        ("Write to alice.b+x@example.co.uk now", "MAIL", "alice.b+x@example.co.uk"),
        ("Schreib an müller@bücher.de!", "MAIL", "müller@bücher.de"),
        ("联系zhang.wei@163.com谢谢", "MAIL", "zhang.wei@163.com"),
        ("q=alice%40example.com&x", "MAIL", "alice%40example.com"),
        ("4111 1111 1111 1111", "CARD", "4111 1111 1111 1111"),
        ("card 378282246310005.", "CARD", "378282246310005"),
        ("IBAN DE89 3704 0044 0532 0130 00 BITTE", "IBAN", "DE89 3704 0044 0532 0130 00"),
        ("gb29NWBK60161331926819", "IBAN", "gb29NWBK60161331926819"),
        ("sk-proj-abcDEF123456ghiJKL789mno", "KEY", "sk-proj-abcDEF123456ghiJKL789mno"),
        ("id AKIAIOSFODNN7EXAMPLE.", "KEY", "AKIAIOSFODNN7EXAMPLE"),
        ("token=ghp_" + "a1" * 18, "KEY", "ghp_" + "a1" * 18),
        ("xoxb-1234567890-abcdef", "KEY", "xoxb-1234567890-abcdef"),
        ("postgres://app:s3cret@db.host/x", "KEY", "s3cret"),
        ("Authorization: Bearer abcdef1234567890abcdef", "KEY", "abcdef1234567890abcdef"),
        ("a eyJhbGciOiJI.eyJzdWIiOiIxIn0.ab_d-1", "KEY", "eyJhbGciOiJI.eyJzdWIiOiIxIn0.ab_d-1"),
    ],
)  # fmt: skip
def test_addresses_cards_accounts_and_keys(text: str, what: str, piece: str) -> None:
    assert found(text) == [(what, piece)]


def test_a_private_key_is_found_whole() -> None:
    block = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc=\n-----END RSA PRIVATE KEY-----"
    assert found(f"Here: {block} !") == [("KEY", block)]
    assert found("-----BEGIN PRIVATE KEY-----\nMIIEow") == [("KEY", "-----BEGIN PRIVATE KEY-----\nMIIEow")]


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "DE89 3704 0044 0532 0130 01"[:9],
        "git@github.com:org/repo.git",
        "icon@2x.png and @types/node and pkg@1.2.3",
        "sk-learn-based-pipelines-are-good-12",
        "api_key = get_the_key_from_the_environment",
        "0000 0000 0000 0000",
        "the token is eyJ, the year 2024",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert found(text) == []


@given(st.text(alphabet="0123456789+-() ./@abcDE:skeyJ电话tel", max_size=200))
def test_pieces_stand_in_order_and_apart_in_any_text(text: str) -> None:
    pieces = personal(text)
    assert all(0 <= one.start < one.end <= len(text) for one in pieces)
    assert all(one.end <= other.start for one, other in zip(pieces, pieces[1:], strict=False))
