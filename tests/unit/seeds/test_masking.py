"""Placeholders are the same throughout a row, in texts, numbers, keys, and JSON within a text."""

import json

from factory.seeds.masking import Masker


def test_the_same_has_the_same_placeholder_and_another_has_another() -> None:
    masker = Masker()
    assert masker.text("a@x.org, b@x.org, A@X.org") == "[MAIL_1], [MAIL_2], [MAIL_1]"
    assert masker.text("again b@x.org") == "again [MAIL_2]"
    assert masker.told() == "a mail address" and masker.found == {"MAIL": 2}


def test_json_in_a_text_stays_json_and_is_as_it_was_where_nothing_is_found() -> None:
    untouched = '{"a":  1, "b": [true, null]}'
    assert Masker().text(untouched) == untouched
    masked = Masker().text('{"card": 4111111111111111, "to": "a\\u0040x.org", "a@x.org": 1.5}')
    assert json.loads(masked) == {"card": "[CARD_1]", "to": "[MAIL_1]", "[MAIL_1]": 1.5}
    # Of a key that stands there twice a parser shows the last alone.
    assert "x.org" not in Masker().text('{"a": "a@x.org", "a": 2}')


def test_the_name_of_a_field_tells_what_its_digits_are() -> None:
    row = {
        "phone": "5552671",
        "order_id": "0815-4711-123",
        "tel": 4915112345678,
        "id": 4915112345678,
        "n": True,
    }
    assert Masker().value(row) == row | {"phone": "[PHONE_1]", "tel": "[PHONE_2]"}


def test_an_id_that_is_personal_is_left_out() -> None:
    assert Masker().row({"id": "a@x.org", "question": "Hi"}) == {"question": "Hi"}
    assert Masker().row({"id": "a", "question": "Hi"}) == {"id": "a", "question": "Hi"}
