"""A text together with the template and the values it was made from, so that it can still be translated."""

from collections.abc import Mapping


class Message(str):
    """English text, filled in; `template` and `values` let the app say it in the reader's language.

    It is a `str` like any other: comparing, printing and JSON see the English text.
    """

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, /, **values: object) -> "Message":
        """Fill the placeholders of `template` (those of `str.format`, by name); without values it is taken as it is."""
        made = super().__new__(cls, template.format(**values) if values else template)
        made.template = template
        made.values = values
        return made
