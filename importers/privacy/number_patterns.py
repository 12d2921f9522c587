"""Numbers that stand for a person or their money, found in text: cards, bank accounts, documents.

Each kind has a form and check digits (python-stdnum knows them), so that other long numbers are left alone. Where a
country's numbers check nothing, they must be called what they are: "passport AB1234567".
"""

import importlib
import re
from collections.abc import Iterator

from importers.privacy.contact_patterns import Found, digits

_CARD = re.compile(r"(?<![\w.,+-])\d(?:[ -]?\d){12,18}(?![\w]|[.,-]\d)")
_CARD_GROUPS = re.compile(
    r"\d+|\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{5}|\d{4}([ -])\d{4}\3\d{4}\3\d{4}\3\d{3}"
)
_CARD_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[0-9]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(?:0[0-5]|[689])\d{11,13}|35\d{14}|6\d{15,18}"
    r"|(?:8600|9860|5614)\d{12}"
)
"""First digits and lengths of Visa, Mastercard, Mir, American Express, Diners, JCB, UnionPay, Uzcard and Humo."""
_IBAN = re.compile(r"(?<![\w])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?![\w])")
_NOT_A_CARD = re.compile(
    r"order|track|invoice|booking|заказ|трек|отправлени|накладн|주문|송장|طلب|شحنة|buyurtma|захиалга|pesanan|resi|pedido|"
    r"commande|bestell|订单",
    re.IGNORECASE,
)

_CHECKED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"(?<![\w.+-])(?:{form})(?![\w-])"), module)
    for form, module in (
        (r"\d{6}-[1-8]\d{6}", "kr.rrn"),
        (r"\d{3}-\d{2}-\d{4}", "us.ssn"),
        (r"\d{3}\.\d{3}\.\d{3}-\d{2}", "br.cpf"),
        (r"\d{8}-?[A-Z]", "es.dni"),
        (r"[XYZ]-?\d{7}-?[A-Z]", "es.nie"),
        (r"[1-9]\d{16}[\dX]", "cn.ric"),
        (r"[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]", "it.codicefiscale"),
        (r"[1-9]\d{3} \d{4} \d{4}", "in_.aadhaar"),
        (r"[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]", "in_.pan"),
        (r"[1-9]\d{5}[0-7]\d{9}", "id.nik"),
    )
)
"""Forms of documents that python-stdnum checks; they need not be called anything."""
_SHAPED = re.compile(
    r"(?<![\w-])(?:[А-ЯЁӨҮ]{2}\d{8}|[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]"
    r"|\d{3}-\d{3}-\d{3}[ -]\d{2})(?![\w-])"
)
"""Mongolian registers, British national insurance, Russian SNILS: forms that nothing else has."""
_CALLED = re.compile(
    r"(?:(?i:passport|\bssn\b|social security|driver'?s licen[cs]e|national id|tax id|\bid card|паспорт\w*|\bинн\b|"
    r"снилс|водительск\w+|주민\w*|여권\w*|운전면허\w*|pasport\w*|jshshir|pinfl|жшшир|пинфл|регистр\w*|"
    r"иргэний үнэмлэх\w*|\bktp\b|paspor\b|npwp|\bdni\b|pasaporte|c[eé]dula|\bcurp\b|\bcpf\b|passeport|"
    r"reisepass|personalausweis)"
    r"|جواز|الهوية|هوية|الرقم القومي|إقامة|护照|身份证|パスポート|マイナンバー|\b(?:NIK|NIE|RUT|RG|SIM|STIR|РД)\b)"
    r"[^\d\n]{0,18}?(?P<number>(?<![A-Za-zА-Яа-яЁё\d])(?:[A-ZА-ЯӨҮ]{1,2}[ -]?|[a-zа-яөү]{2})?\d"
    r"(?:[ -]?\d){4,15}(?:-?[A-Z])?)(?![\w]|[.,:/]\d)"
)
_NO_DOCUMENT = re.compile(
    r"\d{1,2}-\d{1,2}-\d{2,4}|\d{4}-\d\d-\d\d|(?:19|20)\d\d(?:[ -](?:19|20)\d\d)+|\d{1,3}(?: \d{3})+"
)
"""What is called a passport may cost something or be of a year."""


def cards(text: str) -> Iterator[Found]:
    """Yield numbers of bank cards: an issuer's form, grouped as on a card, and Luhn's check."""
    for match in _CARD.finditer(text):
        number = digits(match[0])
        if _CARD_GROUPS.fullmatch(match[0]) and _CARD_ISSUERS.fullmatch(number) and _is_valid("luhn", number):
            if not _NOT_A_CARD.search(text[max(0, match.start() - 24) : match.start()]):
                yield match.start(), match.end(), "card", number


def ibans(text: str) -> Iterator[Found]:
    """Yield international bank account numbers."""
    for match in _IBAN.finditer(text):
        # A word in capitals may stand right behind.
        for end in (match.end(), match.start() + match[0].rfind(" ")):
            number = text[match.start() : end].replace(" ", "")
            if end > match.start() and _is_valid("iban", number):
                yield match.start(), end, "iban", number
                break


def documents(text: str) -> Iterator[Found]:
    """Yield numbers of passports, tax payers, the insured and the like."""
    for form, module in _CHECKED:
        for match in form.finditer(text):
            if _is_valid(module, digits(match[0]) if match[0].isdecimal() else match[0]):
                yield match.start(), match.end(), "document", _key(match[0])
    for match in _SHAPED.finditer(text):
        yield match.start(), match.end(), "document", _key(match[0])
    for match in _CALLED.finditer(text):
        if not _NO_DOCUMENT.fullmatch(match["number"]):
            yield match.start("number"), match.end("number"), "document", _key(match["number"])


def _key(number: str) -> str:
    return "".join(c for c in number.upper() if c.isalnum())


def _is_valid(module: str, number: str) -> bool:
    """Ask the module of python-stdnum that knows this kind of number."""
    return bool(importlib.import_module(f"stdnum.{module}").is_valid(number))
