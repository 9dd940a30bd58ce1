# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One holder at a time, a fence that only grows, and no waiting for the dead."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils import _processes
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._document import plain_copy
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._lease import (
    LeaseHeld,
    LeaseLost,
    acquire,
    check,
    current_owner,
    outdate,
    process_is_gone,
    shorten,
)
from hypothesis import given
from hypothesis import strategies as st

NOW, TTL = 1_000.0, 60.0


def owner(name: str) -> dict[str, Any]:
    return {"owner": name, "host": f"host-{name}", "pid": 7, "process_start": 1}


A, B, C = owner("A"), owner("B"), owner("C")


def alive(holder: Any, other: Any) -> bool:
    return False


def gone(holder: Any, other: Any) -> bool:
    return True


def test_a_free_lease_is_taken_and_the_rest_of_the_data_kept() -> None:
    before = {"tick": 3}
    data = acquire(before, A, NOW, TTL)
    assert data == {"tick": 3, "lease": {**A, "expires_at": NOW + TTL, "fence": 1}}
    assert before == {"tick": 3}
    assert plain_copy(data) == data


def test_another_owner_is_told_who_has_it() -> None:
    data = acquire({}, A, NOW, TTL)
    with pytest.raises(LeaseHeld, match="another run has the lease: A, for at most 10 s more") as held:
        acquire(data, B, NOW + 50, TTL, alive)
    assert held.value.holder == data["lease"]


def test_the_holder_may_take_it_again() -> None:
    data = acquire(acquire({}, A, NOW, TTL), A, NOW + 50, TTL, alive)
    assert data["lease"] == {**A, "expires_at": NOW + 50 + TTL, "fence": 1}


@pytest.mark.parametrize(("now", "is_gone"), [(NOW + TTL, alive), (NOW + 1, gone)])
def test_an_expired_or_dead_holder_is_replaced_under_a_new_fence(now: float, is_gone: Any) -> None:
    data = acquire(acquire({}, A, NOW, TTL), B, now, TTL, is_gone)
    assert data["lease"] == {**B, "expires_at": now + TTL, "fence": 2}
    with pytest.raises(LeaseLost, match=r"taken over since .* \(fence 1\): B has the lease now, with fence 2"):
        check(data, A, 1)


def test_an_expired_lease_that_nobody_took_is_not_lost() -> None:
    check(acquire({}, A, NOW, TTL), A, 1)


def test_what_was_decided_before_is_outdated_but_the_holder_stays() -> None:
    data = outdate(acquire({"tick": 3}, A, NOW, TTL))
    with pytest.raises(LeaseLost, match=r"somebody has pinned the cluster .* \(fence 1\): A has .* fence 2"):
        check(data, A, 1)
    with pytest.raises(LeaseHeld):
        acquire(data, B, NOW, TTL, alive)
    check(acquire(data, A, NOW, TTL), A, 2)
    assert outdate({"tick": 3}) == {"tick": 3}


def test_only_the_holder_shortens_it_and_nobody_makes_it_longer() -> None:
    data = acquire({"tick": 3}, A, NOW, TTL)
    assert shorten(data, A, NOW + 5) == {"tick": 3, "lease": {**A, "expires_at": NOW + 5, "fence": 1}}
    assert shorten(data, A, NOW + TTL + 5) == shorten(data, B, NOW + 5) == data
    assert shorten({"tick": 3}, A, NOW) == {"tick": 3}
    check(shorten(data, A, NOW), A, 1)


def test_a_lease_that_is_gone_is_lost() -> None:
    with pytest.raises(LeaseLost, match=r"\(fence 1\): it is gone"):
        check({}, A, 1)


def test_a_straggler_of_the_same_process_is_refused_by_its_fence() -> None:
    late = acquire({}, A, NOW, TTL)["lease"]["fence"]
    data = acquire(acquire({}, A, NOW, TTL), B, NOW + TTL, TTL, alive)
    data = acquire(data, A, NOW + 2 * TTL, TTL, alive)
    check(data, A, 3)
    with pytest.raises(LeaseLost, match=r"\(fence 1\): A has the lease now, with fence 3"):
        check(data, A, late)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ABC"), st.sampled_from(["acquire", "outdate", "shorten"]), st.floats(0, 40), st.booleans()
        )
    )
)
def test_every_new_holder_has_a_higher_fence_and_older_ones_are_refused(steps: list[tuple[Any, ...]]) -> None:
    data: dict[str, Any] = {}
    now, granted = NOW, [("", 0)]
    for name, step, pause, dead in steps:
        now += pause
        if step == "outdate":
            data = outdate(data)
        elif step == "shorten":
            data = shorten(data, owner(name), now)
        else:
            try:
                data = acquire(data, owner(name), now, TTL, gone if dead else alive)
            except LeaseHeld as held:
                assert held.holder["owner"] == granted[-1][0] != name
                continue
        if not data:
            continue
        grant = (data["lease"]["owner"], data["lease"]["fence"])
        assert grant[1] > granted[-1][1] or grant == granted[-1]
        granted.append(grant)
        for other, fence in set(granted[1:]) - {grant}:
            with pytest.raises(LeaseLost):
                check(data, owner(other), fence)
        check(data, owner(grant[0]), grant[1])


# Real processes


def test_a_living_process_is_not_gone_and_a_dead_one_is_also_before_it_is_reaped() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        holder = current_owner(process.pid)
        me = current_owner(os.getpid())
        assert holder["host"] == me["host"]
        assert not process_is_gone(holder, me)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert process_is_gone(holder, me), "a zombie acts no more"
        assert process_is_gone(current_owner(process.pid), me), "nor does one that was one already"
        process.wait()
        assert process_is_gone(holder, me)
        assert not process_is_gone({**holder, "host": "elsewhere"}, me), "nothing is known of other hosts"


def test_a_reused_process_id_is_another_process() -> None:
    me = current_owner(os.getpid())
    assert process_is_gone({**me, "process_start": "another time"}, me)


def test_without_proc_ps_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_processes, "PROC", tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        holder, me = current_owner(process.pid), current_owner(os.getpid())
        assert holder["host"] == me["host"]
        assert not process_is_gone(holder, me)
        process.kill()
        process.wait()
        assert process_is_gone(holder, me)


def test_a_process_that_cannot_be_seen_is_not_called_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    me = current_owner(os.getpid())
    monkeypatch.setattr(_processes, "start_of", lambda _pid: None)
    assert not process_is_gone(me, me)


def test_a_process_name_cannot_mislead(tmp_path: Path) -> None:
    script = tmp_path / ") Z 1 (x"
    script.symlink_to(sys.executable)
    with subprocess.Popen([script, "-c", "input()"], stdin=subprocess.PIPE) as process:
        start, mine = current_owner(process.pid)["process_start"], current_owner(os.getpid())["process_start"]
        assert float(start) >= float(mine)
        process.kill()
