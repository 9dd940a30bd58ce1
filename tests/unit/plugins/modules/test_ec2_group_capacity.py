# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of a group's capacity, and who goes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.modules.ec2_group_capacity import (
    Change,
    OutOfBoundsError,
    members,
    planned,
)
from hypothesis import given
from hypothesis import strategies as st


def group(desired: int, count: int, smallest: int = 0, largest: int = 10) -> dict[str, Any]:
    """A group as DescribeAutoScalingGroups tells of it, with the instances a, b, c, ..."""
    instances = [{"InstanceId": chr(ord("a") + n), "LifecycleState": "InService"} for n in range(count)]
    return {
        "AutoScalingGroupName": "chat",
        "DesiredCapacity": desired,
        "MinSize": smallest,
        "MaxSize": largest,
        "Instances": instances,
    }


@pytest.mark.parametrize(
    ("desired", "count", "capacity", "terminate", "expected"),
    [
        (3, 3, 5, "", Change([], [], 3, 5)),  # more
        (3, 3, 3, "", Change([], [], 3, 3)),  # as it is
        (3, 3, None, "", Change([], [], 3, 3)),
        (3, 3, None, "bb", Change(["b"], [], 2, 2)),  # one less: who was named
        (3, 3, 2, "b", Change(["b"], [], 2, 2)),
        (3, 3, 3, "b", Change([], ["b"], 3, 3)),  # as many: who was named is replaced
        (3, 3, 4, "b", Change([], ["b"], 3, 4)),  # and one more
        (3, 3, 2, "ab", Change(["a"], ["b"], 2, 2)),
        (3, 3, 2, "xy", Change([], [], 3, 3)),  # nobody was named that is there: the group must not choose
        (3, 3, 0, "", Change([], [], 3, 3)),
        (5, 3, 3, "", Change([], [], 5, 3)),  # what has not come is given up
        (5, 3, 2, "c", Change(["c"], [], 4, 2)),
        (2, 4, 1, "a", Change(["a"], [], 1, 1)),  # the group is about to end two on its own
        (1, 3, None, "abc", Change(["a"], ["b", "c"], 0, 0)),
        (3, 3, 0, "abc", Change(["a", "b", "c"], [], 0, 0)),
    ],
)
def test_the_plan(desired: int, count: int, capacity: int | None, terminate: str, expected: Change) -> None:
    assert planned(group(desired, count), capacity, list(terminate)) == expected


@pytest.mark.parametrize(("capacity", "terminate"), [(6, ""), (0, "ab"), (None, "ab")])
def test_what_the_group_does_not_allow_is_refused(capacity: int | None, terminate: str) -> None:
    wrong = 6 if capacity else 0
    message = f"^the group chat allows sizes from 1 to 5, so its capacity cannot be {wrong}$"
    with pytest.raises(OutOfBoundsError, match=message):
        planned(group(2, 2, 1, 5), capacity, list(terminate))


@given(
    st.integers(0, 8),
    st.integers(0, 8),
    st.none() | st.integers(0, 10),
    st.lists(st.sampled_from("abcdefghx")),
)
def test_nobody_goes_who_was_not_named(desired: int, count: int, capacity: int | None, terminate: list[str]) -> None:
    there = group(desired, count)
    change = planned(there, capacity, terminate)
    gone = {*change.taken, *change.replaced}
    assert gone == set(terminate) & set(members(there))
    # What is left is no more than the capacity, unless the group had too many already.
    assert min(count - len(gone), change.left) <= change.capacity
    if capacity is not None:
        assert change.capacity >= capacity


@pytest.mark.parametrize("state", ["Terminating", "Terminating:Wait", "Detaching", "Standby", "Warmed:Stopped"])
def test_who_is_on_the_way_out_is_no_member(state: str) -> None:
    there = group(2, 2)
    there["Instances"][0]["LifecycleState"] = state
    there["Instances"][1]["LifecycleState"] = "Pending:Wait"
    assert members(there) == ["b"]
    assert planned(there, None, ["a"]) == Change([], [], 2, 2)
