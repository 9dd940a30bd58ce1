# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A training from beginning to end: progress, checkpoints, the verdict, and where what was learned comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training import _days
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._deep import DeepTrainer
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._plan import (
    EPISODE,
    Plan,
    Trainer,
    Validation,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._tabular import TabularTrainer

#: Policy -> who trains it.
TRAINERS: dict[str, type[DeepTrainer] | type[TabularTrainer]] = {"dqn": DeepTrainer, "q_learning": TabularTrainer}
#: s between two lines of progress.
PROGRESS_S = 10.0


def train(
    trainer: Trainer,
    plan: Plan,
    *,
    clock: Callable[[], float],
    every: float,
    save: Callable[[dict[str, Any]], None],
    say: Callable[[str], object],
) -> Validation:
    """Train until the plan is done, with a checkpoint every so many seconds and a last one; returns the validation."""
    begin = said = saved = clock()
    first, judged = trainer.done, ""
    while trainer.done < plan.episodes:
        trainer.episode()
        now = clock()
        if now - saved >= every and trainer.done < plan.episodes:
            save(trainer.checkpoint())
            judged = f", {verdict(trainer.validate())}"
            saved = clock()
        if now - said >= PROGRESS_S:
            said = now
            each = (now - begin) / (trainer.done - first)
            speed = plan.environments * EPISODE / max(each, 1e-9)
            left = each * (plan.episodes - trainer.done)
            part = 100 * trainer.done / plan.episodes
            say(f"trained {part:.0f} %, {speed:,.0f} steps/s, about {left:.0f} s left{judged}")
    save(trainer.checkpoint())
    return trainer.validate()


def verdict(found: Validation) -> str:
    """A validation in words."""
    return (
        f"cost {found.ratio:.3f} of the rule's (worst service {found.worst:.2f}), "
        f"{100 * found.violations:.2f} % of ticks over the SLO, the rule {100 * found.rule_violations:.2f} %"
    )


def refuse_the_worse(policy: str, found: Validation, margin: float) -> None:
    """Raise AutoscaleError for a network that is dearer than its rule by more than the margin."""
    if policy == "dqn" and not found.ratio <= 1.0 + margin:
        raise AutoscaleError(
            f"the network is not installed: {verdict(found)}, with a margin of {margin:g}. Train it for more steps or "
            "with another seed; `force: true` installs it as it is"
        )


def provenance(policy: str, plan: Plan, found: Validation, held_out: Validation, now: float) -> dict[str, Any]:
    """Where what was learned comes from: plain data, see docs/state.md."""
    return {
        "policy": policy,
        "at": now,
        "version": collection_version(Path(__file__).parents[3]),
        "plan": plan.to_plain(),
        "steps": plan.episodes * plan.environments * EPISODE,
        "families": list(_days.TRAINING),
        "validation": found._asdict(),
        "held_out": held_out._asdict(),
    }


def collection_version(root: Path) -> str:
    """The version of the collection in this directory, built or not; `unknown` where nothing says."""
    manifest, galaxy = root / "MANIFEST.json", root / "galaxy.yml"
    if manifest.is_file():
        return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    found = re.search(r"^version: *(\S+)", galaxy.read_text(encoding="utf-8"), re.M) if galaxy.is_file() else None
    return found[1] if found else "unknown"
