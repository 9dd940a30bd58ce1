# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for the script by which ansible-test gets pip into its empty venvs, and which it fetches if there is none.

Python's bundled pip installs what is asked for, from wherever pip is configured to look. The arguments are those of the
real script: pip's options, packages, and --no-setuptools and --no-wheel, which need no doing.
"""

from __future__ import annotations

import runpy
import subprocess
import sys

# In a process of its own, since it switches off pip's configuration.
subprocess.run([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL, check=True)
sys.argv[1:] = ["install", *(arg for arg in sys.argv[1:] if arg not in {"--no-setuptools", "--no-wheel"})]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
