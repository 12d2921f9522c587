"""Telegram's HTML export, written by hand from its description out of the same documents as the JSON of `making`.

Only what the tests need of a page is there: no pictures, no style sheets.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from html import escape
from pathlib import Path
from typing import Any

JOINED_WITHIN = 900
"""Seconds after which Telegram writes the sender's name again."""
PAGE = 1000
_KINDS = {"personal_chat": "private", "bot_chat": "bot", "saved_messages": "private", "private_group": "group"}
_CARDS = {
    "voice_message": ("media_voice_message", "Voice message"),
    "video_message": ("media_video", "Video message"),
    "video_file": ("media_video", "Video file"),
    "audio_file": ("media_audio_file", "Audio file"),
    "animation": ("media_video", "Animation"),
    "sticker": ("media_photo", "Sticker"),
}


def write_html(folder: Path, document: dict[str, Any], *, page: int = PAGE, zone: int | None = 3) -> Path:
    """Write one chat or an account as pages and return its folder; `zone` is in hours, None writes none."""
    if "messages" in document:
        _write_chat(folder, document, page, zone)
        return folder
    who = document.get("personal_information")
    _write(folder / "export_results.html", "Exported Data", _personal(who) if who else "")
    entries = []
    chats = [*document["chats"]["list"], *document.get("left_chats", {}).get("list", [])]
    for number, chat in enumerate(chats, start=1):
        place = f"chats/chat_{number:02d}"
        _write_chat(folder / place, chat, page, zone)
        entries.append(_entry(chat, place))
    _write(folder / "lists" / "chats.html", "Chats", f'<div class="entry_list">{"".join(entries)}</div>')
    return folder


def title_of(chat: dict[str, Any]) -> str:
    """Return the heading of a chat's pages."""
    partner = f"user{chat['id']}"
    names = [m["from"] for m in chat["messages"] if m.get("from_id") == partner and m.get("from")]
    return names[0] if names and chat["type"] == "personal_chat" else chat.get("name") or "Deleted Account"


def page_of(title: str, blocks: str, *, whole: bool = True) -> str:
    """Return a page of a chat around its blocks; a page that is not whole ends within them."""
    start = (
        '<!DOCTYPE html>\n<html>\n <head>\n  <meta charset="utf-8"/>\n<title>Exported Data</title>\n </head>\n'
        ' <body onload="CheckLocation();">\n  <div class="page_wrap">\n   <div class="page_header">\n'
        f'    <div class="content">\n     <div class="text bold">\n{escape(title)} \n     </div>\n    </div>\n'
        "   </div>\n"
        '   <div class="page_body chat_page">\n    <div class="history">\n'
    )
    return start + blocks + ("    </div>\n   </div>\n  </div>\n </body>\n</html>\n" if whole else "")


def block(number: int, inside: str, name: str | None, date: str = "14.11.2023 22:13:20 UTC+00:00") -> str:
    """Return one message's block; without a name it is joined to the one before."""
    from_name = "" if name is None else f'<div class="from_name">\n{escape(name)} \n       </div>'
    userpic = (
        '<div class="pull_left userpic_wrap"><div class="userpic userpic1"><div class="initials">P</div></div></div>'
    )
    return (
        f'     <div class="message default clearfix{" joined" if name is None else ""}" id="message{number}">\n'
        f'      {userpic if name is not None else ""}\n      <div class="body">\n'
        f'       <div class="pull_right date details" title="{date}">\n22:13\n       </div>\n       {from_name}\n'
        f"       {inside}\n      </div>\n     </div>\n"
    )


def service(number: int, text: str) -> str:
    """Return a service block; those with numbers from -1 down are dates between messages."""
    return f'<div class="message service" id="message{number}">\n<div class="body details">\n{text}\n</div>\n</div>\n'


def text(inner: str) -> str:
    """Return the text of a message."""
    return f'<div class="text">\n{inner}\n       </div>'


def card(classes: str, title: str, status: str = "") -> str:
    """Return Telegram's HTML for a file."""
    return (
        f'<div class="media_wrap clearfix"><div class="media clearfix pull_left {classes}">'
        f'<div class="fill pull_left"></div><div class="body"><div class="title bold">{title}</div>'
        f'<div class="status details">{status}</div></div></div></div>'
    )


def _write(path: Path, title: str, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    heading = f'<div class="page_header"><div class="content"><div class="text bold">{title}</div></div></div>'
    path.write_text(f'<!DOCTYPE html><html><body>{heading}<div class="page_body">{body}</div></body></html>', "utf-8")


def _personal(who: dict[str, Any]) -> str:
    rows = [("First name", who.get("first_name")), ("Last name", who.get("last_name"))]
    made = "".join(
        f'<div class="row"><div class="label details">{key}</div><div class="value bold">{escape(value)}</div></div>'
        for key, value in rows
        if value
    )
    return f'<div class="personal_info clearfix"><div class="rows names">{made}</div></div>'


def _entry(chat: dict[str, Any], place: str) -> str:
    name = "Saved messages" if chat["type"] == "saved_messages" else title_of(chat)
    kind = _KINDS.get(chat["type"], "channel" if "channel" in chat["type"] else "group")
    count = f"{len(chat['messages'])} {'outgoing ' if chat.get('only_mine') else ''}messages"
    return (
        f'<a class="entry block_link clearfix" href="../{place}/messages.html#allow_back"><div class="body">'
        f'<div class="pull_right info details">{kind}</div><div class="name bold">{escape(name)}</div>'
        f'<div class="details_entry details">{count}</div></div></a>'
    )


def _write_chat(folder: Path, chat: dict[str, Any], page: int, zone: int | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    messages = chat["messages"]
    for index in range(max(1, -(-len(messages) // page))):
        blocks = "".join(_blocks(messages[index * page : (index + 1) * page], zone))
        name = f"messages{index + 1 if index else ''}.html"
        (folder / name).write_text(page_of(title_of(chat), blocks), "utf-8")


def _blocks(messages: Sequence[dict[str, Any]], zone: int | None) -> Iterator[str]:
    before: dict[str, Any] | None = None
    separators = 0
    for message in messages:
        when = _local(message, zone)
        if when is not None and (before is None or _local(before, zone) is None or _day(before, zone) != when.date()):
            separators -= 1
            yield service(separators, f"{when.day} November {when.year}")
        if message["type"] != "message":
            yield service(message["id"], _service_text(message))
            before = None
            continue
        joined = before is not None and _joins(before, message, zone)
        yield block(message["id"], _inside(message), None if joined else _name(message), _date(when, zone))
        before = message


def _service_text(message: dict[str, Any]) -> str:
    if message["type"] == "unsupported":
        return "This message is not supported by this version of Telegram Desktop. Please update the application."
    if message.get("action") == "topic_created":
        return f"{escape(message['actor'])} created topic &laquo;{escape(message['title'])}&raquo;"
    return f"{escape(message.get('actor') or 'Deleted')} joined Telegram"


def _local(message: dict[str, Any], zone: int | None) -> datetime | None:
    if "date_unixtime" not in message:
        return None
    return datetime.fromtimestamp(int(message["date_unixtime"]), timezone(timedelta(hours=zone or 0)) if zone else UTC)


def _day(message: dict[str, Any], zone: int | None) -> Any:
    when = _local(message, zone)
    return when.date() if when else None


def _date(when: datetime | None, zone: int | None) -> str:
    if when is None:
        return ""
    offset = f" UTC{'-' if zone < 0 else '+'}{abs(zone):02d}:00" if zone is not None else ""
    return when.strftime("%d.%m.%Y %H:%M:%S") + offset


def _name(message: dict[str, Any]) -> str:
    via = f" via {message['via_bot']}" if "via_bot" in message and "forwarded_from" not in message else ""
    return (message.get("from") or "Deleted Account") + via


def _joins(before: dict[str, Any], message: dict[str, Any], zone: int | None) -> bool:
    alike = all(before.get(key) == message.get(key) for key in ("from_id", "via_bot", "forwarded_from"))
    both = "date_unixtime" in before and "date_unixtime" in message
    return (
        alike
        and both
        and _day(before, zone) == _day(message, zone)
        and abs(int(message["date_unixtime"]) - int(before["date_unixtime"])) <= JOINED_WITHIN
    )


def _inside(message: dict[str, Any]) -> str:
    parts = []
    if "reply_to_message_id" in message:
        target = message["reply_to_message_id"]
        link = f'<a href="#go_to_message{target}" onclick="return GoToMessage({target})">this message</a>'
        there = "In reply to a message in another chat" if "reply_to_peer_id" in message else f"In reply to {link}"
        parts.append(f'<div class="reply_to details">\n{there}\n</div>')
    parts.append(_media(message))
    if written := _formatted(message.get("text_entities") or message.get("text") or ""):
        parts.append(text(written))
    if "reactions" in message:
        parts.append('<span class="reactions"><span class="reaction"><span class="emoji">👍</span></span></span>')
    inside = "\n".join(parts)
    if "forwarded_from" not in message:
        return inside
    via = f" via {message['via_bot']}" if "via_bot" in message else ""
    name = escape(message["forwarded_from"] or "Deleted Account") + via
    date = '<span class="date details" title="01.02.2020 10:00:00 UTC+00:00"> 01.02.2020 10:00:00</span>'
    return f'<div class="forwarded body">\n<div class="from_name">\n{name}{date}\n</div>\n{inside}\n</div>'


def _media(message: dict[str, Any]) -> str:
    seconds = message.get("duration_seconds")
    length = "" if seconds is None else f"{seconds // 60:02d}:{seconds % 60:02d}, 2.3 MB"
    if "media_type" in message:
        classes, title = _CARDS[message["media_type"]]
        emoji = message.get("sticker_emoji", "")
        return card(classes, title, f"{emoji + ', ' if emoji else ''}25.1 KB" if title == "Sticker" else length)
    if "photo" in message:
        return '<div class="media_wrap clearfix"><a class="photo_wrap clearfix pull_left" href="p.jpg"></a></div>'
    if "poll" in message:
        question = escape(message["poll"]["question"])
        return (
            f'<div class="media_wrap clearfix"><div class="media_poll"><div class="question bold">{question}</div>'
            '<div class="details">Anonymous poll</div></div></div>'
        )
    if "contact_information" in message:
        return card("media_contact", "Ann ", "+1")
    if "location_information" in message:
        return card("media_location", "Location", "1.0, 2.0")
    return card("media_file", "notes.pdf", "2.0 KB") if "file" in message else ""


def _formatted(written: Any) -> str:
    parts = [written] if isinstance(written, str) else written
    return "".join(_part({"type": "plain", "text": part} if isinstance(part, str) else part) for part in parts)


def _part(part: dict[str, Any]) -> str:
    raw = part["text"]
    shown = escape(raw).replace("&#x27;", "&apos;").replace("\n", "<br>")
    kind = part["type"]
    called = {"hashtag": "ShowHashtag", "cashtag": "ShowCashtag", "bot_command": "ShowBotCommand"}
    if kind in called:
        return f'<a href="" onclick="return {called[kind]}(&quot;{shown[1:]}&quot;)">{shown}</a>'
    tags = {"bold": "strong", "italic": "em", "underline": "u", "strikethrough": "s", "code": "code", "pre": "pre"}
    forms = {
        "mention": f'<a href="https://t.me/{shown[1:]}">{shown}</a>',
        "mention_name": f'<a href="" onclick="return ShowMentionName()">{shown}</a>',
        "link": f'<a href="{shown}">{shown}</a>',
        "text_link": f'<a href="{escape(part.get("href", ""))}">{shown}</a>',
        "email": f'<a href="mailto:{shown}">{shown}</a>',
        "phone": f'<a href="tel:{shown}">{shown}</a>',
        "blockquote": f"<blockquote>{shown}</blockquote>",
        "spoiler": f'<span class="spoiler hidden"><span aria-hidden="true">{shown}</span></span>',
        "custom_emoji": f'<a href = "../../stickers/sticker.webp">{shown}</a>',
    }
    if kind in tags:
        return f"<{tags[kind]}>{shown}</{tags[kind]}>"
    return forms.get(kind, shown)
