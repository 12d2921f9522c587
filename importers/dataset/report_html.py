"""The account of a data set as one HTML file that needs nothing else: for a phone, the dark, and later years.

No script, no font, no picture, no address: the page forbids itself to load anything. Everything that came from an
export is escaped.
"""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from importers.dataset.report import ChatRow, DataReport
from importers.dataset.report_text import REASONS, counted, gap_text
from importers.text.language_id import NAMES

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1e; --soft: #6b6b70; --line: #e3e3e6; --bar: #4c7dd1; --lost: #d98a4c;
  --paper: #ffffff; --box: #f6f6f8; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececee; --soft: #a0a0a6; --line: #38383c; --bar: #6b98e6;
  --lost: #d9985f; --paper: #161618; --box: #202024; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.2rem; max-width: 46rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: .2rem 0 .2rem; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); font-size: .9rem; }
.row { display: grid; grid-template-columns: minmax(8rem, 14rem) 5rem 1fr; gap: .2rem .8rem; align-items: center;
  padding: .25rem 0; }
.row > .n { text-align: right; font-variant-numeric: tabular-nums; }
.bar { height: .8rem; border-radius: .2rem; background: var(--bar); min-width: 2px; }
.lost .bar { background: var(--lost); } .none .bar { min-width: 0; }
details { border-left: 2px solid var(--line); margin: 0 0 .3rem .2rem; padding-left: .8rem; }
summary { cursor: pointer; color: var(--soft); font-size: .9rem; }
blockquote { margin: .4rem 0; padding: .4rem .7rem; background: var(--box); border-radius: .4rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: right; padding: .3rem .5rem;
  border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; } .scroll { overflow-x: auto; }
li { margin: .3rem 0; }
@media (max-width: 30rem) { .row { grid-template-columns: 1fr auto; } .row > .track { grid-column: 1 / -1; } }
"""


def page(report: DataReport, *, persona: str, read: int, dropped: Mapping[str, int], duplicates: int = 0) -> str:
    """Return the whole file; the first part is about the last import, the rest about all that is known of a persona."""
    steps = {"already imported": duplicates, **dropped}
    body = "".join(
        [
            f"<h1>What {escape(persona)} is made of</h1>",
            f'<p class="soft">{report.trained:,} replies to learn from, out of {report.total:,}; '
            f"filter {escape(report.filter)}. This page holds words of people: keep it to yourself.</p>",
            _warnings(report.warnings),
            _section("Messages of this import", _waterfall("read", read, steps, "kept")),
            _section("Messages to learn from", _messages(report)),
            _section("Replies", _replies(report)),
            _section(
                f"{counted(len(report.chats), 'chat')}, {counted(report.sessions, 'session')}", _chats(report.chats)
            ),
            _section("Manner", _style(report.style_before, report.style_after)),
            _section("Languages", _shares(report.languages)) if report.languages else "",
            _section("Personal data replaced", _counts(report.redacted)) if report.redacted else "",
        ]
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>Data report: {escape(persona)}</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _row(label: str, number: int, most: int, kind: str = "", note: str = "") -> str:
    share = 100 * number / most if most else 0
    shown = f'<span class="soft"> {escape(note)}</span>' if note else ""
    kinds = " ".join(filter(None, ("row", kind, "" if number else "none")))
    return (
        f'<div class="{kinds}"><span>{escape(label)}{shown}</span><span class="n">{number:,}</span>'
        f'<span class="track"><div class="bar" style="width:{share:.2f}%"></div></span></div>'
    )


def _waterfall(first: str, total: int, steps: Mapping[str, int], last: str) -> str:
    lost = {name: number for name, number in steps.items() if number}
    rows = [_row(first, total, total)]
    rows += [_row(f"− {_words(name)}", number, total, "lost") for name, number in lost.items()]
    return "".join([*rows, _row(last, total - sum(lost.values()), total)])


def _messages(report: DataReport) -> str:
    whole = report.messages
    return (
        _row("in all chats", whole, whole)
        + _row("− by others: the context", whole - report.mine, whole, "lost")
        + _row("by the persona", report.mine, whole)
    )


def _replies(report: DataReport) -> str:
    rows = [_row("written in turns", report.total, report.total)]
    for reason, number in report.untrained.most_common():
        rows.append(_row(f"− {_words(reason)}", number, report.total, "lost", REASONS.get(reason, "")))
        if examples := report.examples.get(reason):
            quotes = "".join(f'<blockquote dir="auto">{escape(text)}</blockquote>' for text in examples)
            rows.append(f"<details><summary>some of them</summary>{quotes}</details>")
    rows.append(_row("trained", report.trained, report.total))
    rows += [_row(name, number, report.total) for name, number in (("train", report.train), ("eval", report.eval))]
    return "".join(rows)


def _chats(rows: Iterable[ChatRow]) -> str:
    head = "<tr><th>chat</th><th>trained</th><th>share</th><th>replies</th><th>sessions</th><th>gap</th></tr>"
    lines = []
    for row in sorted(rows, key=lambda row: -row.trained):
        aside = f' <span class="soft">{row.aside:,} put aside</span>' if row.aside else ""
        cells = (f"{row.trained:,}", f"{row.share:.0%}", f"{row.replies:,}", f"{row.sessions:,}", gap_text(row))
        name = f'<td dir="auto">{escape(row.name)}{aside}</td>'
        lines.append(f"<tr>{name}{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>")
    return f'<div class="scroll"><table>{head}{"".join(lines)}</table></div>'


def _style(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    head = "<tr><th></th><th>written</th><th>trained</th></tr>"
    lines = []
    for name, value in before.items():
        if name != "openers":
            pair = [_number(name, v) for v in (value, after.get(name, 0))]
            lines.append(f"<tr><td>{escape(_words(name))}</td><td>{pair[0]}</td><td>{pair[1]}</td></tr>")
    now = dict(after.get("openers", []))
    for word, share in before.get("openers", []):
        label = f"begins with <bdi>“{escape(word)}”</bdi>"
        lines.append(f"<tr><td>{label}</td><td>{share:.1%}</td><td>{now.get(word, 0.0):.1%}</td></tr>")
    return f"<table>{head}{''.join(lines)}</table>"


def _number(name: str, value: float) -> str:
    return f"{value:.0%}" if name.endswith("_share") else f"{value:,}"


def _shares(languages: Mapping[str, float]) -> str:
    head = "<tr><th>language</th><th>share of the replies with words</th></tr>"
    rows = (f"<tr><td>{escape(NAMES.get(c, c))}</td><td>{share:.1%}</td></tr>" for c, share in languages.items())
    return f"<table>{head}{''.join(rows)}</table>"


def _counts(counts: Mapping[str, int]) -> str:
    most = max(counts.values())
    return "".join(_row(kind, number, most) for kind, number in sorted(counts.items()))


def _warnings(warnings: Iterable[str]) -> str:
    listed = "".join(f"<li>{escape(warning)}</li>" for warning in warnings)
    return f"<section><h2>Worth a look</h2><ul>{listed}</ul></section>" if listed else ""


def _words(name: str) -> str:
    return name.replace("_", " ")
