# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a report may not be written. Root may write everywhere, so what the system says is made up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.rlops.autoscale.plugins.action import backtest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError


@pytest.mark.parametrize("there", [False, True])
def test_a_report_without_the_right_to_write_it_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, there: bool
) -> None:
    report = tmp_path / "report.html"
    if there:
        report.touch()
    asked = report if there else tmp_path
    backtest._refuse_unwritable(str(report))
    monkeypatch.setattr(os, "access", lambda path, _mode: path != asked)
    with pytest.raises(OptionError, match=r"report: .*report.html cannot be written: no permission"):
        backtest._refuse_unwritable(str(report))
