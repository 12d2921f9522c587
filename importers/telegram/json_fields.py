"""The keys of a Telegram message that are read; all others are skipped without decoding.

Values may be of any type. A missing key is `UNSET` where the presence of the key matters.
"""

from typing import Any

import msgspec
from msgspec import UNSET


class Entity(msgspec.Struct, gc=False):
    """A part of a message's text with a type."""

    type: Any = None
    text: Any = None


Text = list[Entity | str | int | float | bool | list[Any] | None] | dict[str, Any] | str | int | float | bool | None
"""Any JSON value, with the objects of a list as entities."""


class Fields(msgspec.Struct, gc=False, rename={"from_": "from"}):
    """One message object; the keys are in Telegram's order, in which msgspec decodes them fastest."""

    id: Any = None
    type: Any = "message"
    date: Any = None
    date_unixtime: Any = None
    edited: Any = None
    edited_unixtime: Any = None
    actor: Any = None
    actor_id: Any = None
    action: Any = None
    from_: Any = None
    from_id: Any = UNSET
    forwarded_from: Any = UNSET
    forwarded_from_id: Any = UNSET
    saved_from: Any = UNSET
    reply_to_message_id: Any = None
    reply_to_peer_id: Any = None
    via_bot: Any = UNSET
    photo: Any = UNSET
    file: Any = UNSET
    media_type: Any = UNSET
    sticker_emoji: Any = None
    duration_seconds: Any = None
    contact_information: Any = UNSET
    location_information: Any = UNSET
    game_title: Any = UNSET
    invoice_information: Any = UNSET
    poll: Any = UNSET
    todo_list: Any = UNSET
    giveaway_information: Any = UNSET
    giveaway_results: Any = UNSET
    paid_stars_amount: Any = UNSET
    text: Text = None
    text_entities: Text = None
    rich_message: Any = UNSET


RUN = msgspec.json.Decoder(list[Fields])
"""Decodes an array of message objects."""

_NAMES = {field.encode_name: field.name for field in msgspec.structs.fields(Fields)}


def fields_of(value: dict[str, Any]) -> Fields:
    """Return the fields of a message object that was decoded as a dictionary."""
    return Fields(**{_NAMES[key]: held for key, held in value.items() if key in _NAMES})
