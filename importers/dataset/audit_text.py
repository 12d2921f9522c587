"""An audit as lines of text, no wider than a terminal: what is wrong, how often, where."""

from importers.dataset.audit import BREAKING, KINDS, Audit
from importers.dataset.report_text import counted, fit, wrapped
from importers.text.language_id import NAMES


def audit_lines(audit: Audit, name: str, width: int = 80) -> list[str]:
    """Return what was found in the data set called `name`."""
    lines = [*wrapped(f"{name}: {counted(audit.pairs, 'pair')} in {counted(audit.rows, 'row')}", width)]
    if audit.languages:
        shares = ", ".join(f"{NAMES.get(code, code)} {share:.0%}" for code, share in audit.languages.items())
        lines += wrapped(f"  {shares}", width)
    for kind, fault in audit.faults.items():
        sign = "✗" if kind in BREAKING else "!"
        lines += ["", *wrapped(f"{sign} {fault.count:,} × {KINDS[kind]}", width)]
        more = ", …" if fault.count > len(fault.rows) else ""
        lines += wrapped(f"    rows {', '.join(map(str, fault.rows))}{more}", width)
        lines += [f"    │ {fit(example, width - 6)}".rstrip() for example in fault.examples]
    lines.append("")
    if not audit.faults:
        lines.append("No faults found.")
    elif audit.broken:
        lines += wrapped(
            f"{audit.broken:,} faults (✗) would break the training or teach nothing: fix them first", width
        )
    else:
        lines += wrapped("Nothing that breaks the training; what is marked ! is worth a look.", width)
    return lines
