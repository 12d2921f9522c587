"""Where a person or a machine can be reached, found in text: links, mail addresses, IP addresses, phone numbers.

A phone number in international spelling is one anywhere. One in a country's own spelling looks like any number, so it
must have that country's form, or be called a phone number nearby; dates, prices, orders and scores are not touched.
"""

import ipaddress
import re
from collections.abc import Iterator

Found = tuple[int, int, str, str]
"""Where personal data stands, its kind, and what identifies it in whatever spelling."""

_LINK = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,15}://|www\.|(?:t\.me|wa\.me|vk\.com|instagram\.com|facebook\.com|discord\.gg)/)[^\s<>\"')\]]+"
    r"|(?<![\w@.-])(?:[a-z0-9-]+\.)+[a-z]{2,}/[^\s<>\"')\]]+",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+[@＠][\w-]+(?:\.[\w-]+)+")
_IP4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IP6 = re.compile(r"(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])", re.IGNORECASE)
_VERSION = re.compile(r"(?:\b(?:v|ver|version|build|firmware|верси[яи]|билд|прошивк\w*)|버전)\.?\s*$", re.IGNORECASE)

_SEPARATOR = "[ \u00a0\u2009\u202f.()\\u2010-\u2015-]"
_PHONE = re.compile(
    rf"(?<![\w@#$€£₽₩₮№*=-])(?<!\d[.,/:+])(?:\+|00)?\(?\d(?:{_SEPARATOR}{{0,3}}\d){{6,14}}(?![\da-zA-Zа-яА-ЯёЁ_%]|[.,:/-]\d)"
)
_DATE = re.compile(r"(?<!\d)(?:\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|\d{4}[./-]\d{1,2}[./-]\d{1,2})(?!\d)")
_DECIMAL = re.compile(r"\d+\.\d+")
_THOUSANDS = re.compile("\\d{1,3}(?:[ \u00a0\u2009\u202f.]\\d{3})+")
_YEARS = re.compile("(?:19|20)\\d\\d(?: ?[ \u2010-\u2015-] ?(?:19|20)\\d\\d)+")
_CUE_REACH = 32
"""Characters before a number in which it may be called what it is."""
_CUE = re.compile(
    r"phone|\btel\b|telephone|mobile|\bcell\b|whats?app|\bcall me|text me|my number|"
    r"телефон|\bтел\b|сотов|мобильн|вотсап|ватсап|позвони|звони|набери|номер|телефоны|утас|дугаар|залга|"
    r"전화|번호|연락처|핸드폰|هاتف|جوال|موبايل|رقمي|رقم|واتس|telefon|raqam|nomer|qo.ng.iroq|"
    r"\bhp\b|no\.? ?hp|nomor|telpon|\bwa\b|tel[eé]fono|m[oó]vil|celular|ll[aá]mame|n[uú]mero|telefone|portable|handy|"
    r"电话|電話|手机|手機|号码|携帯|เบอร์|โทร",
    re.IGNORECASE,
)
_NO_PHONE = re.compile(
    r"order|track|invoice|ticket|flight|booking|article|isbn|\bsku\b|\bid\b|code|account|\bref\b|bill|"
    r"заказ|трек|отправлени|посылк|накладн|сч[её]т|билет|рейс|бронь|артикул|\bкод|договор|квитанц|лот\b|"
    r"주문|송장|운송장|예약|계좌|طلب|شحنة|فاتورة|تذكرة|buyurtma|hisob|chipta|"
    r"захиалга|данс|тасалбар|pesanan|resi|tiket|rekening|faktur|pedido|factura|reserva|vuelo|cuenta|commande|bestell|"
    r"订单|單號|注文",
    re.IGNORECASE,
)
_COUNTRIES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(form), tuple(regions.split()))
    for form, regions in (
        (r"[78][3-9]\d{9}", "RU KZ"),
        (r"01[016789]\d{7,8}", "KR EG GB DE"),
        (r"08\d{8,11}", "ID JP VN TH"),
        (r"05\d{8,9}", "SA AE TR UA IL FR"),
        (r"0\d{9,10}", "GB FR UA TR JP VN KR IQ JO MA DZ AU NL BE CH IT MY TH DE"),
        (r"998\d{9}", "UZ"),
        (r"(?:976[5-9]\d{7}|380\d{9}|628\d{8,10}|8210\d{8}|9665\d{8}|447\d{9}|491[567]\d{8,9})", ""),
    )
)
"""Forms of a country's own spelling that no other number has, with the countries whose plans decide; none: any plan."""
_CALLED = (
    "US GB RU UA KZ UZ MN KR ID SA EG AE IQ JO ES MX AR CO BR PT FR DE IT PL TR IN CN JP VN TH GE AM AZ KG TJ "
    "BY".split()
)
"""Countries whose plans are tried for a number that is called a phone number."""
_LONGEST_NATIONAL = 12
_GROUPED_US = re.compile(r"(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[.-])\d{3}[.-]\d{4}")


def links(text: str) -> Iterator[Found]:
    """Yield links; a whole link goes, since addresses and keys may stand in any part of it."""
    for match in _LINK.finditer(text):
        end = match.start() + len(match[0].rstrip(".,;:!?…"))
        if "(" in match[0] and text[end : end + 1] == ")":
            end += 1
        yield match.start(), end, "link", match[0]


def is_link(text: str, start: int) -> bool:
    """Tell whether what stands at `start` is a link."""
    return ("/" in text or "www." in text) and _LINK.match(text, start) is not None


def emails(text: str) -> Iterator[Found]:
    """Yield mail addresses."""
    for match in _EMAIL.finditer(text):
        yield match.start(), match.end(), "email", match[0].casefold()


def ip_addresses(text: str) -> Iterator[Found]:
    """Yield IP addresses, but not versions, nor those of no machine in particular."""
    for match in (*_IP4.finditer(text), *_IP6.finditer(text)):
        try:
            address = ipaddress.ip_address(match[0])
        except ValueError:
            continue
        few = address.version == 6 and sum(map(bool, match[0].split(":"))) < 3
        if few or address.is_loopback or address.is_unspecified or address.is_multicast:
            continue
        if address.version == 6 or not _VERSION.search(text[: match.start()]):
            yield match.start(), match.end(), "ip", str(address)


def phones(text: str) -> Iterator[Found]:
    """Yield phone numbers."""
    at = 0
    while match := _PHONE.search(text, at):
        at = match.end()
        before = text[max(0, match.start() - _CUE_REACH) : match.start()]
        candidates = list(_shortened(match[0]))
        # The form of a country is more certain than a name before a number, of whatever length it is tried.
        found = next(filter(lambda c: _has_form(c, before), candidates), None)
        if found is None and _CUE.search(before) and not _NO_PHONE.search(before):
            found = next(filter(_is_called, candidates), None)
        if found is not None:
            at = match.start() + len(found)
            yield match.start(), at, "phone", digits(found)[-8:]


def digits(text: str) -> str:
    """Return the digits of a text, of whatever script, as ASCII."""
    return "".join(str(int(c)) for c in text if c.isdecimal())


def _shortened(candidate: str) -> Iterator[str]:
    """Yield a candidate, then without its last group, and so on: the next number may stand right behind."""
    while len(digits(candidate)) >= 7:
        yield candidate
        shorter = re.sub(rf"{_SEPARATOR}+\d+\)?$", "", candidate)
        if shorter == candidate:
            return
        candidate = shorter


def _has_form(candidate: str, before: str) -> bool:
    """Tell whether a candidate is a phone number by its form alone."""
    number = digits(candidate)
    if candidate.startswith("+"):
        return _valid(f"+{number}")
    if _is_something_else(candidate) or _THOUSANDS.fullmatch(candidate) or _NO_PHONE.search(before):
        return False
    if candidate.startswith("00") and _valid(f"+{number[2:]}"):
        return True
    if _GROUPED_US.fullmatch(candidate):
        return _valid(number, "US")
    for form, regions in _COUNTRIES:
        if form.fullmatch(number):
            if any(_valid(number, region) for region in regions) or (not regions and _valid(f"+{number}")):
                return True
    return False


def _is_called(candidate: str) -> bool:
    """Tell whether a candidate that was called a phone number can be one in some country."""
    number = digits(candidate)
    if _is_something_else(candidate) or len(number) > _LONGEST_NATIONAL:
        return False
    return any(_valid(number, region) for region in _CALLED) or _valid(f"+{number}")


def _is_something_else(candidate: str) -> bool:
    return bool(_DATE.search(candidate) or _DECIMAL.fullmatch(candidate) or _YEARS.fullmatch(candidate))


def _valid(number: str, region: str | None = None) -> bool:
    """Tell whether a numbering plan has this number: that of a region, or the one that its prefix names."""
    import phonenumbers  # half a second of tables, which few imports need

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False
