# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run make targets one after the other, whatever the earlier ones said, and sum up: python gates.py TARGET..."""

from __future__ import annotations

import os
import subprocess
import sys
import time


def run(target: str) -> tuple[bool, list[str]]:
    """Make one target, showing its output as it comes; return whether it succeeded, and what pytest skipped in it."""
    skipped = []
    with subprocess.Popen(
        [os.environ.get("MAKE", "make"), "--no-print-directory", target],
        env=os.environ | {"NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            if line.startswith("SKIPPED "):
                skipped.append(line)
    return process.returncode == 0, skipped


def main(targets: list[str]) -> int:
    """Return the exit code: 0 if every gate passed."""
    table, skipped, failed = [], [], 0
    for target in targets:
        print(f"\n=== {target}", flush=True)
        start = time.monotonic()
        passed, left_out = run(target)
        table.append(f"{target:15}{'passed' if passed else 'FAILED'}{time.monotonic() - start:7.0f} s")
        skipped += left_out
        failed += not passed
    print("\n=== summary", *table, sep="\n")
    print("".join(skipped), end="")
    print(f"{len(targets) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
