"""Writes a Telegram account's `result.json` of any size, as Telegram Desktop lays it out, from a seed.

Eight languages, personal chats and groups, bursts and sessions, replies, media, entities, forwards, edits, service
messages: the shapes that a real export has, in shares that a talkative account has. About 370 bytes a message.
"""

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

VOCABULARY = {
    "en": "the a we you just not really think know going home later today dinner work train maybe sure laugh cat rain "
    "music movie tomorrow weekend coffee call send photo found funny tired happy morning sleep plan ticket bus lol",
    "ru": "я ты мы не просто думаю знаю потом сегодня дом работа поезд может точно кот дождь музыка кино завтра "
    "выходные кофе позвони скинь фото смешно устала рада утро спать план билет хаха ладно привет давай",
    "ko": "나는 너는 우리 그냥 진짜 생각 알아 이따가 오늘 집 저녁 일 기차 아마 고양이 비 음악 영화 내일 주말 커피 "
    "전화 사진 웃겨 피곤해 좋아 아침 잠 계획 표 버스 ㅋㅋ 안녕 응",
    "ar": "أنا أنت نحن ليس فقط أعتقد أعرف لاحقا اليوم البيت العشاء العمل القطار ربما أكيد القطة المطر الموسيقى فيلم "
    "غدا قهوة اتصل صورة مضحك متعب سعيد صباح نوم خطة تذكرة هههه مرحبا",
    "uz": "men sen biz emas faqat oʻylayman bilaman keyin bugun uy kechki ish poyezd balki albatta mushuk yomgʻir "
    "musiqa kino ertaga dam kofe qoʻngʻiroq rasm kulgili charchadim xursand tong uyqu reja chipta salom",
    "mn": "би чи бид биш зүгээр бодож мэдэж дараа өнөөдөр гэр хоол ажил галт магадгүй мэдээж муур бороо хөгжим "
    "кино маргааш кофе залга зураг инээдтэй ядарсан баяртай өглөө унтах төлөвлөгөө тасалбар сайн",
    "id": "aku kamu kita bukan cuma kayaknya tahu nanti hari ini rumah makan kerja kereta mungkin pasti kucing hujan "
    "musik film besok kopi telepon kirim foto lucu capek senang pagi tidur rencana tiket wkwk iya",
    "emoji": "😂 🥹 ❤️ 👍🏽 🙏 🔥 👩‍👩‍👧 😭 🎉 🤔",
}
MEDIA = {
    "photo": '"photo": "photos/photo_{n}@01-01-2024.jpg",\n   "photo_file_size": 93211,\n   "width": 960,\n   '
    '"height": 1280,\n   ',
    "voice": '"file": "voice_messages/audio_{n}.ogg",\n   "file_size": 41211,\n   "media_type": "voice_message",\n   '
    '"mime_type": "audio/ogg",\n   "duration_seconds": 12,\n   ',
    "sticker": '"file": "stickers/sticker ({n}).webp",\n   "file_size": 21211,\n   "thumbnail": '
    '"stickers/sticker.webp_thumb.jpg",\n   "media_type": "sticker",\n   "sticker_emoji": "😂",\n   "width": 512,\n   '
    '"height": 512,\n   ',
}
FIRST = 1_500_000_000
"""When the oldest chat begins, in Unix seconds."""
OWNER = 1_000_001


def write_export(path: Path, messages: int, seed: int = 1) -> None:
    """Write an account of `messages` messages to `path`."""
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        person = f'"user_id": {OWNER},\n  "first_name": "Mira",\n  "last_name": "Vale",\n  "phone_number": "+1"'
        file.write(f'{{\n "about": "…",\n "personal_information": {{\n  {person}\n }},\n')
        file.write(' "chats": {\n  "about": "…",\n  "list": [')
        for number, size in enumerate(_sizes(messages)):
            file.write(",\n" if number else "\n")
            _write_chat(file, rng, number, size)
        file.write("\n  ]\n }\n}\n")


def _sizes(messages: int) -> Iterator[int]:
    """Yield the sizes of chats: a few large ones and a tail, never more than 100,000 in one."""
    left, share = messages, 0.2
    while left > 0:
        size = min(left, max(50, min(100_000, int(messages * share))))
        yield size
        left -= size
        share *= 0.8


def _write_chat(file: TextIO, rng: random.Random, number: int, size: int) -> None:
    group = number % 4 == 3
    language = list(VOCABULARY)[number % 7]
    partners = range(2_000_000 + number * 10, 2_000_000 + number * 10 + (6 if group else 1))
    kind, chat = ("private_supergroup", 1_500_000_000 + number) if group else ("personal_chat", partners[0])
    file.write(f'   {{\n    "name": "Chat {number}",\n    "type": "{kind}",\n    "id": {chat},\n    "messages": [\n')
    message = _messages(rng, language, [OWNER, *partners])
    # Chats begin years apart and overlap, as an account's do.
    when = FIRST + number * 5_000_000
    for at in range(1, size + 1):
        when += rng.choice((2, 5, 20, 60, 60, 300)) if rng.random() < 0.96 else rng.randrange(10_000, 90_000)
        body = message(at, when).replace("\n", "\n   ")
        file.write(f"     {body}{',' if at < size else ''}\n")
    file.write("    ]\n   }")


def _messages(rng: random.Random, language: str, people: list[int]) -> Callable[[int, int], str]:
    """Return a function that makes the message with an id and a time, as text indented for a single chat."""
    words, english = VOCABULARY[language].split(), VOCABULARY["en"].split()
    emoji = VOCABULARY["emoji"].split()
    speaker = people[0]

    def text() -> str:
        chosen = rng.choices(
            words if rng.random() < 0.85 else english, k=min(60, int(rng.lognormvariate(1.3, 0.7)) + 1)
        )
        if rng.random() < 0.15:
            chosen.append(rng.choice(emoji))
        joined = " ".join(chosen)
        return joined + rng.choice((".", "?", "!", ")", '\\n\\"ok\\"')) if rng.random() < 0.4 else joined

    def message(number: int, when: int) -> str:
        nonlocal speaker
        if rng.random() < 0.55:
            speaker = rng.choice(people)
        head = _dated(number, when, "service" if rng.random() < 0.01 else "message")
        if '"service"' in head:
            return (
                f'{head}"actor": "Person {speaker}",\n   "actor_id": "user{speaker}",\n   "action": "phone_call",'
                + ('\n   "duration_seconds": 65,\n   "text": "",\n   "text_entities": []\n  }')
            )
        head += _extras(rng, number, when, speaker)
        if rng.random() < 0.12:
            head += MEDIA[rng.choice(list(MEDIA))].format(n=number)
            if rng.random() < 0.8:
                return f'{head}"text": "",\n   "text_entities": []\n  }}'
        return head + (_plain(text()) if rng.random() < 0.93 else _marked(rng, text(), number))

    return message


def _dated(number: int, when: int, kind: str) -> str:
    date = datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f'{{\n   "id": {number},\n   "type": "{kind}",\n   "date": "{date}",\n   "date_unixtime": "{when}",\n   '


def _extras(rng: random.Random, number: int, when: int, speaker: int) -> str:
    """Return the keys between the date and the text, in the order in which they are written."""
    made = ""
    if rng.random() < 0.03:
        made += f'"edited": "2024-01-01T00:00:00",\n   "edited_unixtime": "{when + 60}",\n   '
    made += f'"from": "Person {speaker}",\n   "from_id": "user{speaker}",\n   '
    chance = rng.random()
    if chance < 0.02:
        made += '"forwarded_from": "Somebody else",\n   '
    elif chance < 0.15 and number > 5:
        made += f'"reply_to_message_id": {number - rng.randint(1, 5)},\n   '
    return made


def _plain(text: str) -> str:
    part = f'{{\n     "type": "plain",\n     "text": "{text}"\n    }}'
    return f'"text": "{text}",\n   "text_entities": [\n    {part}\n   ]\n  }}'


def _marked(rng: random.Random, text: str, number: int) -> str:
    """Return a text with a marked part, which Telegram writes as a list of parts, twice."""
    kind, part = rng.choice((("link", f"https://example.org/{number}"), ("mention", "@somebody"), ("bold", "really")))
    inner = f'{{\n     "type": "{kind}",\n     "text": "{part}"\n    }}'
    plain = f'{{\n     "type": "plain",\n     "text": "{text} "\n    }}'
    return (
        f'"text": [\n    "{text} ",\n    {inner}\n   ],\n   "text_entities": [\n    {plain},\n    {inner}\n   ]\n  }}'
    )


def main() -> None:
    """Write an export and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    write_export(args.file, args.messages, args.seed)
    size = args.file.stat().st_size
    json.dump({"messages": args.messages, "bytes": size, "bytes_per_message": size / args.messages}, sys.stdout)


if __name__ == "__main__":
    main()
