"""What chat templates are told about the world: nothing that changes."""

from chatclone.prompt.template_sandbox import TODAY, sandbox


def test_the_date_stands_still() -> None:
    """A template that writes the date writes the same one in training and in every chat."""
    rendered = sandbox().from_string("{{ strftime_now('%d %b %Y') }}").render()
    assert rendered == TODAY.strftime("%d %b %Y") == "26 Jul 2024"
