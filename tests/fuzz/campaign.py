"""Coverage-guided fuzzing of the targets: ``python -m tests.fuzz.campaign --minutes 10 [TARGET ...]`` (``make fuzz``).

Each target runs in a process of its own (libFuzzer ends its process). Inputs that reached new code are kept in
``.fuzz/<target>``, which version control ignores; what breaks a promise is written to ``.fuzz/crashes`` and ends the run with
exit code 1. A found case becomes a named regression test and, made small and fictional, a file of the committed corpus.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from tests.fuzz.targets import CORPUS, NAMES

KEPT = Path(__file__).parents[2] / ".fuzz"
# Longer inputs cost time and find nothing new: every rule shows in a few lines. An archive's headers need more room.
LONGEST = {"archives": 4096, "configuration": 2048}
_LONGEST = 1024
# A file of a few hundred bytes is read in milliseconds: the rest is a busy machine.
_HANG_SECONDS = 120
_MEMORY_MB = 3000

_ONE = """
import sys
import atheris
with atheris.instrument_imports(include=["orchestration", "email_validator"]):
    from tests.fuzz.targets import target
    chosen = target(sys.argv.pop(1))
chosen.batch = 2000
atheris.Setup(sys.argv, chosen.check)
atheris.Fuzz()
"""


def fuzz(name: str, seconds: int) -> int:
    """Run one target; the exit code of its process."""
    kept, crashes = KEPT / name, KEPT / "crashes"
    for folder in (kept, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST.get(name, _LONGEST)}",
        f"-timeout={_HANG_SECONDS}",
        f"-rss_limit_mb={_MEMORY_MB}",
        f"-artifact_prefix={crashes}/{name}.",
        "-print_final_stats=1",
    ]
    return subprocess.run([sys.executable, "-c", _ONE, name, str(kept), str(CORPUS / name), *options], check=False).returncode


def main() -> int:
    """Fuzz what is named, or everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="for each target (default 10)")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(NAMES)} (default: all)")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.targets) - set(NAMES))
    if unknown:
        parser.error(f"no such target: {', '.join(unknown)}")
    failed = [name for name in arguments.targets or NAMES if fuzz(name, round(arguments.minutes * 60))]
    for name in failed:
        sys.stdout.write(f"{name}: a promise was broken; the input is in {KEPT / 'crashes'}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
