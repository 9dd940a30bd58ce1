# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make targets, and sum up: python gates.py TARGET... [--beside TARGET...]

They are made one after the other, whatever the earlier ones said, and what they print is shown as it comes. Those after
--beside are made meanwhile, one after the other, too, with what the others leave of the processors; what each of them
prints is shown whole, between two of the others or in the end.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

MAKE = (os.environ.get("MAKE", "make"), "--no-print-directory")
GENTLY = ("nice", "-n", "10")


@dataclass(frozen=True)
class Gate:
    """A target that was made."""

    target: str
    passed: bool
    seconds: float
    output: str

    @property
    def skipped(self) -> list[str]:
        """What pytest skipped in it, and why."""
        return [line for line in self.output.splitlines() if line.startswith("SKIPPED ")]


def show(text: str) -> None:
    print(text, end="", flush=True)


def heading(name: str) -> str:
    return f"\n=== {name}\n"


def make(target: str, command: Sequence[str] = MAKE, say: Callable[[str], object] = lambda _text: None) -> Gate:
    """Make one target; each line of its output is said as it comes."""
    lines = []
    start = time.monotonic()
    with subprocess.Popen(
        [*command, target],
        env=os.environ | {"NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout
        for line in process.stdout:
            lines.append(line)
            say(line)
    return Gate(target, process.returncode == 0, time.monotonic() - start, "".join(lines))


def make_all(targets: Sequence[str], beside: Sequence[str]) -> list[Gate]:
    """Make all of them, in the order in which they are shown."""
    gates = []
    pool = ThreadPoolExecutor(max_workers=1)
    waiting = [pool.submit(make, target, (*GENTLY, *MAKE)) for target in beside]

    def show_whole() -> None:
        gate = waiting.pop(0).result()
        show(heading(gate.target) + gate.output)
        gates.append(gate)

    try:
        for target in targets:
            show(heading(target))
            gates.append(make(target, say=show))
            while waiting and waiting[0].done():
                show_whole()
        while waiting:
            show_whole()
    finally:
        pool.shutdown(cancel_futures=True)
    return gates


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 0 if every gate passed."""
    parser = argparse.ArgumentParser(description="Make targets, and sum up.")
    parser.add_argument("targets", nargs="+", metavar="TARGET")
    parser.add_argument("--beside", nargs="+", default=[], metavar="TARGET", help="made meanwhile")
    options = parser.parse_args(arguments)
    gates = make_all(options.targets, options.beside)
    show(heading("summary"))
    for gate in gates:
        print(f"{gate.target:15}{'passed' if gate.passed else 'FAILED'}{gate.seconds:7.0f} s")
    for gate in gates:
        print(*gate.skipped, sep="\n", end="\n" if gate.skipped else "")
    failed = sum(not gate.passed for gate in gates)
    print(f"{len(gates) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
