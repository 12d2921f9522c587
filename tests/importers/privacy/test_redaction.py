"""Personal data becomes typed placeholders, the same one for the same thing, and nothing else changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importers.message import Span
from importers.privacy.redaction import Redactor
from tests.importers.making import message


def redacted(text: str, *spans: Span) -> str:
    return Redactor().redact(message(1, text=text, spans=spans))


class TestContacts:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("mail ann.lee+x@mail.example.org!", "mail [email-1]!"),
            ("내 메일 kim@example.com 이야", "내 메일 [email-1] 이야"),
            ("a@b.org,c@d.org", "[email-1],[email-2]"),
            ("look https://example.org/a?b=c, nice", "look [link], nice"),
            ("https://example.org/reset?token=f00&mail=a@b.org", "[link]"),
            ("вот t.me/someone и https://example.org/Кот_(животное).", "вот [link] и [link]."),
            ("mailto:a@b.org tel:+79991234567", "mailto:[email-1] tel:[phone-1]"),
            ("server 93.184.216.34 port 80", "server [ip-1] port 80"),
            ("2001:db8:85a3::8a2e:370:7334", "[ip-1]"),
        ],
    )
    def test_addresses(self, text: str, shown: str) -> None:
        """Mail and machine addresses go, and links as a whole."""
        assert redacted(text) == shown

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("call +44 20 7946 0958 or +1 415-555-2671", "call [phone-1] or [phone-2]"),
            ("call me (415) 555-2671", "call me [phone-1]"),
            ("my number is 4155552671", "my number is [phone-1]"),
            ("позвони +7 495 123-45-67 завтра", "позвони [phone-1] завтра"),
            ("8 (999) 123-45-67 звони", "[phone-1] звони"),
            ("мой 89991234567", "мой [phone-1]"),
            ("набери 8-916-123-45-67 8 916 765 43 21", "набери [phone-1] [phone-2]"),
            ("010-1234-5678로 전화해", "[phone-1]로 전화해"),
            ("번호 01012345678", "번호 [phone-1]"),
            ("رقمي 0501234567", "رقمي [phone-1]"),
            ("اتصل على ٠٥٠١٢٣٤٥٦٧", "اتصل على [phone-1]"),
            ("telefonim 90 123 45 67", "telefonim [phone-1]"),
            ("+998 90 123 45 67 ga yoz", "[phone-1] ga yoz"),
            ("миний дугаар 99112233 шүү", "миний дугаар [phone-1] шүү"),
            ("nomorku 0812-3456-7890 ya", "nomorku [phone-1] ya"),
            ("llámame al 612 345 678", "llámame al [phone-1]"),
        ],
    )
    def test_phones(self, text: str, shown: str) -> None:
        """A phone number is one in a country's own spelling too, where the form or a word nearby says so."""
        assert redacted(text) == shown


class TestDoors:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("Password: correcthorse", "Password: [password-1]"),
            ("password is hunter2", "password is [password-1]"),
            ("login: mira pass: zima77", "login: mira pass: [password-1]"),
            ("пароль от вайфая qwerty123", "пароль от вайфая [password-1]"),
            ("вот пароль от почты: Zima2020!", "вот пароль от почты: [password-1]!"),
            ("PIN 4821", "PIN [password-1]"),
            ("비밀번호: abcd1234", "비밀번호: [password-1]"),
            ("كلمة السر: abc123", "كلمة السر: [password-1]"),
            ("parol: gulnoza77", "parol: [password-1]"),
            ("нууц үг: bataa99", "нууц үг: [password-1]"),
            ("kata sandi: rahasia1", "kata sandi: [password-1]"),
            ("la contraseña es gatito77", "la contraseña es [password-1]"),
            ("seed phrase: apple river stone", "seed phrase: [password-1]"),
            ("sk-abcdefghijklmnopqrstuvwx123456", "[token-1]"),
            ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "[crypto-1]"),
            ("0x52908400098527886E0F7030069857D2E4169EE7", "[crypto-1]"),
        ],
    )
    def test_found(self, text: str, shown: str) -> None:
        """What opens something goes, in the languages people write it."""
        assert redacted(text) == shown


class TestDocuments:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("card 4111 1111 1111 1111 ok", "card [card-1] ok"),
            ("номер карты 4111111111111111", "номер карты [card-1]"),
            ("DE89 3704 0044 0532 0130 00 please", "[iban-1] please"),
            ("DE89370400440532013000", "[iban-1]"),
            ("паспорт 4510 123456", "паспорт [document-1]"),
            ("мой ИНН 7707083893", "мой ИНН [document-1]"),
            ("주민번호 900101-1234568", "주민번호 [document-1]"),
            ("pasport AA1234567", "pasport [document-1]"),
            ("УБ99112233", "[document-1]"),
            ("KTP 3171012345670001", "KTP [document-1]"),
            ("DNI 12345678Z", "DNI [document-1]"),
            ("my SSN 536-90-4399", "my SSN [document-1]"),
        ],
    )
    def test_found(self, text: str, shown: str) -> None:
        """Numbers that stand for a person or their money go, by their check digits or what they are called."""
        assert redacted(text) == shown


LEFT_ALONE = """
see you at 10:30 on 2023-11-14
it was 14.11.2023, 08:00-20:00, from 12-13-14 on
order 4111 1111 1111 1111
order 89991234567 and flight SU 1234
v1.2.3 + 4.5.6
version 1.2.3.4
2+2=4
ratio 16:9, score 21-15 21-18 15-13
pi is 3.14159265358979
41.311081, 69.240562
ISBN 978-5-17-118366-0
in 1990 2000 2010 2020
from 2019-2023
C++ 2011 2014 2017 2020
1700000000 and 1700000000000
std::vector<int> a = {1, 2, 3};
forgot my password again lol
the password is wrong
pin it to the board
@mira hi, 24/7, 1/2
a dozen: 1 2 3 4 5 6 7 8 9 10 11 12
стоит 1 500 000 сум, а паспорт 100 000
цена 12 500р, за 10 000 - 15 000
заказ 89991234567, номер заказа 123456789012
с 05.06 по 07.08.2024
100500 раз, 8 марта 2024 года
в 8 9 10 11 12 часов
пароль не скажу
пароль: не скажу тебе
код: завтра пришлю
права 5 лет, серия 5 эпизод 12
телефон сломался 3 дня назад
счет 5:3 6:4 7:6
3 000 000₩ 정도, 오후 10:30
주문번호 20231114123456
2024년 11월 14일 10시 30분
السعر 150.000 والساعة 10:30
في عام 2024 و 2025
150 000 so'm, soat 10:30 da
soat 9 dan 18 gacha, 2024-yil
үнэ 150 000 төгрөг, 10:30 цагт
утас 5 цаг цэнэглэсэн
Rp 1.500.000, jam 10.30
pesanan 081234567890123
cuesta 1.500.000, a las 10:30
numero 7, día 14/11/2023
nie 100 000 zł
ㅋㅋㅋ 👍 +
""".strip().splitlines()


class TestLeftAlone:
    @pytest.mark.parametrize("text", LEFT_ALONE)
    def test_what_everybody_writes(self, text: str) -> None:
        """Dates, times, prices, scores, orders, years and talk of passwords stay, in every language."""
        assert redacted(text) == text


class TestRedact:
    def test_marked(self) -> None:
        """What the platform marked is believed, as far as it stands in the text."""
        spans = (Span("phone", 5, 13), Span("link", 14, 18))
        assert redacted("call 555 1234 here", *spans) == "call [phone-1] here"
        assert redacted("call 555 1234 a.io", *spans) == "call [phone-1] [link]"

    def test_consistent_and_counted(self) -> None:
        """The same thing in another spelling keeps its number, across messages."""
        redactor = Redactor()
        texts = ["A@b.org", "c@d.org", "a@B.org", "+7 999 123-45-67", "89991234567", "+79997654321"]
        shown = [redactor.redact(message(i, text=text)) for i, text in enumerate(texts)]
        assert shown == ["[email-1]", "[email-2]", "[email-1]", "[phone-1]", "[phone-1]", "[phone-2]"]
        assert redactor.counts == {"email": 3, "phone": 3}

    def test_names_may_be_numbers(self) -> None:
        """Somebody without a name is shown by their number; that goes too."""
        assert Redactor().redact_text("+998 90 123 45 67") == "[phone-1]"

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """No text makes it fail, and what holds no digit and no sign of an address stays as it is."""
        shown = redacted(text)
        if not set(text) & set("@＠:：=/.") and not any(c.isdecimal() for c in text):
            assert shown == text

    @given(st.lists(st.sampled_from(["a@b.org", "+79991234567", "hi", "10:30", "пароль: x1y2z3", "7", " ", "\n", ","])))
    def test_nothing_between_is_lost(self, parts: list[str]) -> None:
        """Whatever stands beside personal data stays in its place, and the data does not."""
        shown = redacted(" ".join(parts))
        assert "a@b.org" not in shown
        assert "9991234567" not in shown
        assert shown.count("hi") == parts.count("hi")
        assert shown.count("10:30") == parts.count("10:30")
