"""What opens a door, found in text: passwords and codes that are called so, access tokens, crypto addresses."""

import importlib
import re
from collections.abc import Iterator

from importers.privacy.contact_patterns import Found

_CALLED = (
    "password", "passwort", "passwd", "passcode", "pwd", "contraseña", "contrasena", "contrasinal", "senha",
    "mot de passe", "mdp", "kennwort", "wachtwoord", "hasło", "parola", "şifre", "sifre", "пароль", "пароля", "паролем",
    "парол", "нууц үг", "пасс", "비밀번호", "비번", "패스워드", "암호는", "كلمة السر", "كلمة المرور", "كلمه السر",
    "كلمه المرور", "الباسورد", "باسورد", "الرقم السري", "رمز الدخول", "parol", "kata sandi", "sandi", "пин-код",
    "пин код", "пинкод", "pin code", "pincode", "пин", "pin", "cvv", "cvc", "密码", "密碼", "パスワード", "暗証番号",
    "รหัสผ่าน", "mật khẩu", "סיסמה", "κωδικός", "passphrase", "api key", "api_key", "secret key", "private key",
)  # fmt: skip
_OF_MANY_WORDS = (
    "seed phrase", "recovery phrase", "mnemonic", "сид-фраза", "сид фраза", "сид-фразу", "시드 문구", "助记词",
)  # fmt: skip
_WEAK = (
    "pass", "key", "ключ", "код", "code", "clave", "kod", "kode", "코드", "رمز", "login", "логин", "wifi", "wi-fi",
    "вайфай",
)  # fmt: skip
"""Words that call a password only before a colon, and only what no word or time looks like."""
_BEGINNINGS = re.compile("|".join(sorted({re.escape(cue[:4]) for cue in (*_CALLED, *_OF_MANY_WORDS, *_WEAK)})))
"""How all of them begin: the one look that most messages get."""


def _any(cues: tuple[str, ...]) -> str:
    return "|".join(re.escape(cue) for cue in sorted(cues, key=len, reverse=True))


# Cyrillic endings and Korean particles may follow a cue, and up to three words say what it opens.
_ENDING = r"(?:[а-яё]{1,3}|는|은|이|가|를|을|ни|i|ingiz|im|ku|mu|nya|s)?"
_CUE = rf"(?<!\w)(?:{_any(_CALLED)}){_ENDING}(?!\w)"
_OF = r"(?P<of>(?:[ \t]+[^\s:=：\d]{1,16}){0,3}?)"
_QUOTED = r"[ \t]*[\"'«`]?"
_NAMED = re.compile(rf"{_CUE}{_OF}[ \t]*[:=：—–]{_QUOTED}(?P<value>[^\s\"'»`,]{{3,64}})", re.IGNORECASE)
_BESIDE = re.compile(
    rf"{_CUE}{_OF}[ \t]+(?:[-–—][ \t]+)?{_QUOTED}(?P<value>(?=[^\s\d]*\d)[^\s\"'»`,]{{3,64}})", re.IGNORECASE
)
_MANY = re.compile(rf"(?<!\w)(?:{_any(_OF_MANY_WORDS)})[ \t]*[:=：-][ \t]*(?P<value>\S[^\n]+)", re.IGNORECASE)
_WEAKLY = re.compile(
    rf"(?<!\w)(?:{_any(_WEAK)})(?:[ \t]+\w{{1,12}}){{0,2}}?[ \t]*[:=：][ \t]*(?P<value>[^\s,]{{4,64}})", re.IGNORECASE
)
_NO_VALUE = re.compile(r"https?://|\d{1,2}[:.]\d{2}|\d+[%₽$€]|[?!.,…]+", re.IGNORECASE)

_TOKEN = re.compile(
    r"(?<![\w-])(?:sk-[\w-]{20,}|gh[pousr]_\w{30,}|github_pat_\w{30,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|hf_\w{30,}"
    r"|AIza[\w-]{35}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*|\d{8,10}:[\w-]{35}|glpat-[\w-]{20,})(?![\w-])"
)
_LONG = re.compile(r"(?<![\w-])[A-Za-z0-9_-]{32,}(?![\w-])")
_CRYPTO = re.compile(
    r"(?<!\w)(?:(?P<bitcoin>(?:bc1|[13])[a-zA-Z0-9]{25,62})|0x[0-9a-fA-F]{40}|T[1-9A-HJ-NP-Za-km-z]{33}"
    r"|(?:EQ|UQ)[\w-]{46}|ltc1[a-z0-9]{25,62}|[LM][1-9A-HJ-NP-Za-km-z]{32,33}|4[0-9AB][1-9A-HJ-NP-Za-km-z]{93}"
    r"|(?:0x)?[0-9a-f]{64})(?!\w)"
)


def passwords(text: str) -> Iterator[Found]:
    """Yield passwords, codes and phrases that are called so."""
    if not _BEGINNINGS.search(text.casefold()):
        return
    for match in _MANY.finditer(text):
        yield match.start("value"), match.end("value"), "password", match["value"]
    for match in _NAMED.finditer(text):
        if _is_named(match, text):
            yield *_span(match), "password", match["value"]
    for match in _BESIDE.finditer(text):
        value = match["value"].rstrip(".,;!?)")
        short = value.isdecimal() and not match["of"].strip() and 4 <= len(value) <= 8
        if (short and not _looks_like_a_year(value)) or (not value.isdecimal() and _is_strong(value)):
            yield *_span(match), "password", match["value"]
    for match in _WEAKLY.finditer(text):
        if _is_strong(match["value"]):
            yield *_span(match), "password", match["value"]


def tokens(text: str) -> Iterator[Found]:
    """Yield access tokens: those of known makers, and long random strings."""
    for match in _TOKEN.finditer(text):
        yield match.start(), match.end(), "token", match[0]
    for match in _LONG.finditer(text):
        found = match[0]
        mixed = any(c.isupper() for c in found) and any(c.islower() for c in found)
        if mixed and sum(c.isdecimal() for c in found) >= 4:
            yield match.start(), match.end(), "token", found


def crypto_addresses(text: str) -> Iterator[Found]:
    """Yield addresses of crypto currencies, and hashes of their transactions."""
    for match in _CRYPTO.finditer(text):
        if match["bitcoin"] and not importlib.import_module("stdnum.bitcoin").is_valid(match[0]):
            continue
        yield match.start(), match.end(), "crypto", match[0]


def _is_named(match: re.Match[str], text: str) -> bool:
    """Tell whether what stands after a colon is a password: strong, or a single word at the end of its line."""
    value = match["value"].rstrip(".,;!?")
    if len(value) < 3 or _NO_VALUE.fullmatch(value):
        return False
    alone = not text[match.end("value") :].partition("\n")[0].strip(" .!\"'»`")
    return alone or _is_strong(value)


def _is_strong(value: str) -> bool:
    """Tell whether no ordinary word or number looks like this."""
    value = value.rstrip(".,;!?)")
    letters, figures = any(c.isalpha() for c in value), any(c.isdecimal() for c in value)
    if _NO_VALUE.match(value) or len(value) < 4:
        return False
    return figures and (letters or len(value) >= 4) and not _looks_like_a_year(value)


def _looks_like_a_year(value: str) -> bool:
    return len(value) == 4 and value.isdecimal() and value[:2] in ("19", "20")


def _span(match: re.Match[str]) -> tuple[int, int]:
    start = match.start("value")
    return start, start + len(match["value"].rstrip(".,;!?"))
