"""Any text as an e-mail address, one a line: never an exception, SQL answers like Python, an answer is its own answer."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from orchestration.identifiers.email_address import REASONS, normalise_email
from orchestration.identifiers.email_sql import normalise_emails

_CON = duckdb.connect(config={"threads": 1})


def check(data: bytes) -> None:
    """Python and SQL read each line alike."""
    texts = list(dict.fromkeys(data.decode("utf-8", "replace").split("\n")))
    for raw in texts:
        answer = normalise_email(raw)
        assert (answer.email is None) == (answer.status == "rejected") == (answer.reason is not None), f"{raw!r}: {answer}"
        assert answer.reason is None or answer.reason in REASONS, f"{raw!r}: {answer}"
        if answer.email is not None:
            assert normalise_email(answer.email) == answer, f"{raw!r}: {answer}, read again {normalise_email(answer.email)}"
    _CON.register("texts", pa.table({"raw": pa.array(texts, pa.string())}))
    normalise_emails(_CON, "texts", "answers")
    answers = {row[0]: row[1:] for row in _CON.execute("select * from answers").fetchall()}
    assert len(answers) == len(texts)
    for raw in texts:
        assert answers[raw] == tuple(normalise_email(raw)), f"{raw!r}: SQL {answers[raw]}, Python {normalise_email(raw)}"
