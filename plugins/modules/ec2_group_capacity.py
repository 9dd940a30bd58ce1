#!/usr/bin/python
# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ec2_group_capacity
version_added: 0.1.0
short_description: Set the capacity of an EC2 Auto Scaling group, and say which instances go
description:
  - Sets the desired capacity of a group and terminates the instances of it that are named, and changes nothing else.
    M(amazon.aws.autoscaling_group) sets all that it is not told to its own defaults, health checks among them.
  - The capacity stays within the smallest and the largest size that the group has; what would leave it is refused, and
    nothing is done.
  - It waits for nothing, and for no cooldown.
author:
  - rlops.autoscale contributors (@rlops)
extends_documentation_fragment:
  - rlops.autoscale.aws
attributes:
  check_mode:
    support: full
    description: Nothing is changed, and what would be is returned.
  diff_mode:
    support: full
    description: Shows the capacity and the instances before and after.
  idempotent:
    support: full
    description: A group that has its capacity, and has none of the named instances, is left as it is.
options:
  name:
    description: Name of the group.
    type: str
    required: true
  capacity:
    description:
      - The desired capacity.
      - It is not set lower than the number of instances that are left, for the group would choose who goes. Name those
        in O(terminate).
      - The default is what is left of the present one when the named instances are gone.
    type: int
  terminate:
    description:
      - Ids of instances of the group that are to end. Those that are in no such group, or end already, are passed over.
      - Each takes one off the desired capacity, unless that would be less than O(capacity) then. In that case the group
        replaces it.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Have five instances
  rlops.autoscale.ec2_group_capacity:
    region: eu-central-1
    name: chat
    capacity: 5

- name: Let this one go, so that four are left
  rlops.autoscale.ec2_group_capacity:
    region: eu-central-1
    name: chat
    terminate: [i-0123456789abcdef0]

- name: Replace this one
  rlops.autoscale.ec2_group_capacity:
    region: eu-central-1
    name: chat
    capacity: 4
    terminate: [i-0fedcba9876543210]
"""

RETURN = r"""
capacity:
  description: The desired capacity now.
  type: int
  returned: success
  sample: 4
min_size:
  description: The smallest capacity that the group allows.
  type: int
  returned: when there is such a group
  sample: 0
max_size:
  description: The largest capacity that the group allows.
  type: int
  returned: when there is such a group
  sample: 10
terminated:
  description: Ids of the instances that were asked to end.
  type: list
  elements: str
  returned: success
  sample: [i-0123456789abcdef0]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rlops.autoscale.plugins.module_utils._aws import AWS_SPEC, Api
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, quoted

SPEC: dict[str, Any] = {
    **AWS_SPEC,
    "name": {"type": "str", "required": True},
    "capacity": {"type": "int"},
    "terminate": {"type": "list", "elements": "str", "default": []},
}

#: Beginnings of the lifecycle states of what is no part of the capacity, or not for long.
APART = ("Terminat", "Detach", "Standby", "EnteringStandby", "Warmed")


@dataclass(frozen=True)
class Change:
    """What is to be done with a group."""

    taken: Sequence[str]  # ids of the instances that are terminated, and not replaced
    replaced: Sequence[str]  # ids of those that the group replaces
    left: int  # the desired capacity after that
    capacity: int  # what it is to be


class OutOfBoundsError(AutoscaleError):
    """The group does not allow such a capacity."""


def members(group: Mapping[str, Any]) -> list[str]:
    """Ids of the instances that make up the group's capacity."""
    return [i["InstanceId"] for i in group["Instances"] if not i["LifecycleState"].startswith(APART)]


def planned(group: Mapping[str, Any], capacity: int | None, terminate: Sequence[str]) -> Change:
    """What the options come to, for a group as DescribeAutoScalingGroups tells of it. Raises OutOfBoundsError."""
    there = members(group)
    named = [instance_id for instance_id in dict.fromkeys(terminate) if instance_id in there]
    desired = group["DesiredCapacity"]
    if capacity is None:
        surplus = max(0, len(there) - desired)  # which the group is about to end on its own
        capacity = desired - max(0, len(named) - surplus)
    spare = max(0, desired - capacity)
    taken, replaced = named[:spare], named[spare:]
    left = desired - len(taken)
    wanted = capacity
    if wanted < left:
        wanted = min(left, max(wanted, len(there) - len(named)))
    if not group["MinSize"] <= wanted <= group["MaxSize"]:
        limits = f"sizes from {group['MinSize']} to {group['MaxSize']}"
        name = quoted(group["AutoScalingGroupName"])
        raise OutOfBoundsError(f"the group {name} allows {limits}, so its capacity cannot be {wanted}")
    return Change(taken, replaced, left, wanted)


class Group:
    """An Auto Scaling group."""

    def __init__(self, api: Api, name: str) -> None:
        """Ask for it. Raises AutoscaleError where there is none."""
        self._api = api
        self.name = name
        groups = api.call("describe_auto_scaling_groups", AutoScalingGroupNames=[name])["AutoScalingGroups"]
        if not groups:
            raise AutoscaleError(f"there is no Auto Scaling group {quoted(name)} in this region")
        self.facts: dict[str, Any] = groups[0]

    @property
    def bounds(self) -> dict[str, int]:
        return {"min_size": self.facts["MinSize"], "max_size": self.facts["MaxSize"]}

    def apply(self, change: Change) -> None:
        for instance_id in change.taken:
            self._terminate(instance_id, replace=False)
        for instance_id in change.replaced:
            self._terminate(instance_id, replace=True)
        if change.capacity != change.left:
            self._api.call(
                "set_desired_capacity",
                AutoScalingGroupName=self.name,
                DesiredCapacity=change.capacity,
                HonorCooldown=False,
            )

    def _terminate(self, instance_id: str, *, replace: bool) -> None:
        self._api.call(
            "terminate_instance_in_auto_scaling_group",
            InstanceId=instance_id,
            ShouldDecrementDesiredCapacity=not replace,
        )


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    api = Api(module, "autoscaling")
    bounds: dict[str, int] = {}
    try:
        group = Group(api, module.params["name"])
        bounds = group.bounds
        change = planned(group.facts, module.params["capacity"], module.params["terminate"])
        if not module.check_mode:
            group.apply(change)
    except AutoscaleError as error:
        module.fail_json(msg=str(error), **bounds)
    terminated = [*change.taken, *change.replaced]
    before, there = group.facts["DesiredCapacity"], members(group.facts)
    module.exit_json(
        changed=bool(terminated) or change.capacity != before,
        capacity=change.capacity,
        terminated=terminated,
        diff={
            "before": {"capacity": before, "instances": there},
            "after": {"capacity": change.capacity, "instances": [i for i in there if i not in terminated]},
        },
        **bounds,
    )


if __name__ == "__main__":
    main()
