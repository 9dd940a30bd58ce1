# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table at the end of `make test`: nothing is lost in it, and one failure is the failure of all."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from ansible_collections.rlops.autoscale.tests.tools import gates

MAKEFILE = """\
good:; @echo it is good; echo 'SKIPPED [1] test_it.py: no docker'
bad:; @echo it is bad >&2; exit 3
"""


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    (folder / "Makefile").write_text(MAKEFILE)
    command = [sys.executable, gates.__file__, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, re.sub(r" +\d+ s$", "", done.stdout, flags=re.MULTILINE)


def test_each_is_made_whatever_became_of_the_one_before(tmp_path: Path) -> None:
    code, output = run(tmp_path, "bad", "good")
    skipped = "SKIPPED [1] test_it.py: no docker\n"
    assert output.startswith("\n=== bad\nit is bad\n")
    assert output.endswith(
        f"\n=== good\nit is good\n{skipped}"
        f"\n=== summary\nbad            FAILED\ngood           passed\n{skipped}1 passed, 1 failed\n"
    )
    assert code == 1
