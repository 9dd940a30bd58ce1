# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trains the policies that can be, as the playbook `pretrain` does, on the training families only.

Run: PYTHONPATH=<directory of ansible_collections> python tests/benchmarks/policies/pretrain.py
Writes pretrained.json: the memory of each, and where it is from. Others in it stay.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ansible_collections.rlops.autoscale.plugins.plugin_utils._simulation._model import Service
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._plan import Plan
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._session import TRAINERS, train, verdict
from policies.contenders import PRETRAINED, Contender, cluster_settings, pretrained

STEPS = 10_000_000


def trained(policy: str, steps: int, seed: int) -> dict[str, Any]:
    """The memory after so many simulated ticks, and what made it."""
    settings = cluster_settings(Contender(policy, policy)).policy_settings
    plan = Plan(settings=settings, service_rate=Service().service_rate, steps=steps, seed=seed)
    trainer = TRAINERS[policy](plan)
    found = train(
        trainer,
        plan,
        clock=time.monotonic,
        every=float("inf"),
        save=lambda _checkpoint: None,
        say=lambda line: print(f"{policy}: {line}", flush=True),
    )
    print(f"{policy}: {verdict(found)}")
    return {"steps": steps, "seed": seed, "validation": found._asdict(), "memory": trainer.memory()}


def main() -> int:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--policies", nargs="+", choices=list(TRAINERS), default=list(TRAINERS))
    parser.add_argument("--steps", type=int, default=STEPS, help="ticks of simulated services")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for policy in options.policies:
        found = {**pretrained(), policy: trained(policy, options.steps, options.seed)}
        PRETRAINED.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
