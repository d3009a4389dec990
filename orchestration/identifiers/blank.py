"""Words that stand for an empty cell where a contact point should be: one list, each with its reason.

A cell that holds one of them, and nothing else, says that there is no contact point. A word is not here when somebody may be
behind it: ``anonymous`` and ``withheld`` (a caller who hid a number), ``see notes``, ``same as above``, ``#REF!`` (a spreadsheet
lost what was there). Those stay unreadable, which a person sees. Not for names: Null and None are surnames.
"""

from __future__ import annotations

from orchestration.core.sql import quoted

BLANK: dict[str, str] = {
    "": "nothing but white space",
    **dict.fromkeys(("-", "--", "---", "\u2013", "\u2014"), "a dash, as typed for 'none'"),
    **dict.fromkeys((".", "..", "...", "\u2026"), "dots, as typed to get past a form"),
    **dict.fromkeys(("/", "_", "?", "??"), "a mark, as typed to get past a form"),
    **dict.fromkeys(("n/a", "na", "n.a.", "n.a", "n / a"), "not applicable, or not available"),
    **dict.fromkeys(("not applicable", "not available", "not provided", "not given"), "the same in words"),
    "#n/a": "a spreadsheet's look-up that found nothing",
    **dict.fromkeys(("none", "no", "nil", "(none)", "no email", "no phone"), "there is none"),
    **dict.fromkeys(("null", "(null)", "[null]", "\\n"), "a database's empty field (MySQL writes \\N)"),
    **dict.fromkeys(("nan", "<na>", "nat"), "an empty field as pandas writes it"),
    "undefined": "an empty field as JavaScript writes it",
    **dict.fromkeys(("(blank)", "blank", "(empty)", "empty"), "an empty cell as a pivot table writes it"),
    **dict.fromkeys(("unknown", "unbekannt", "inconnu", "desconocido", "sconosciuto", "onbekend"), "nobody knows one"),
    **dict.fromkeys(("keine angabe", "k.a.", "k. a.", "keine"), "German: not stated, none"),
    **dict.fromkeys(
        ("aucun", "aucune", "ninguno", "ninguna", "nessuno", "nenhum", "geen", "brak", "yok"), "none, in other languages"
    ),
    **dict.fromkeys(("\u306a\u3057", "\u65e0", "\u7121", "\uc5c6\uc74c"), "Japanese, Chinese and Korean: none"),
}
# What people and exports put around a cell's text.
_AROUND = " \t\r\n\u00a0"


def is_blank(text: str | None) -> bool:
    """Whether a cell says that there is no contact point."""
    return (text or "").strip(_AROUND).lower() in BLANK


def blank_sql(text: str) -> str:
    """:func:`is_blank` as SQL, of an expression that is not null."""
    words = ", ".join(map(quoted, BLANK))
    around = " || ".join(f"chr({ord(mark)})" for mark in _AROUND)
    return f"lower(trim({text}, {around})) in ({words})"
