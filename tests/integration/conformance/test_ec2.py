# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only the backends ec2 and ec2_group have to show: whom they touch, what they call, what they may."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.tests.tools.aws_service import KEYS, Call

from .scenario import ROOT, Scenario
from .scenario_ec2 import GROUP, Ec2GroupScenario, Ec2Scenario

pytestmark = pytest.mark.slow

NO_ROOM = ("InsufficientInstanceCapacity", "We currently do not have sufficient capacity")


@pytest.fixture
def ec2(make_scenario: Callable[[str], Scenario]) -> Ec2Scenario:
    scenario = make_scenario("ec2")
    assert isinstance(scenario, Ec2Scenario)
    return scenario


@pytest.fixture
def group(make_scenario: Callable[[str], Scenario]) -> Ec2GroupScenario:
    scenario = make_scenario("ec2_group")
    assert isinstance(scenario, Ec2GroupScenario)
    return scenario


def needed(calls: list[Call]) -> set[str]:
    """The permissions that these calls need: to tag what is launched is one of its own."""
    tagging = {"ec2:CreateTags" for call in calls if any(name.startswith("TagSpec") for name in call.parameters)}
    return {call.action for call in calls} | tagging


def check_policy(scenario: Ec2Scenario, file: str) -> None:
    """The policy of the docs is one, and allows what was called and nothing else."""
    policy = (ROOT / "docs" / "examples" / "ec2" / file).read_text()
    scenario.aws.client("iam").create_policy(PolicyName="chat", PolicyDocument=policy)  # refuses what is none
    actions = [statement["Action"] for statement in json.loads(policy)["Statement"]]
    allowed = {action for some in actions for action in ([some] if isinstance(some, str) else some)}
    assert allowed == needed(scenario.aws.calls)


def test_the_policy_for_ec2_allows_what_is_called_and_no_more(ec2: Ec2Scenario) -> None:
    ec2.settings["autoscale_warm"] = 1
    ec2.reach(1)
    for _pass in range(3):  # a spare is launched, found healthy, and stopped
        ec2.converge(1)
    assert len(ec2.described("stopped")) == 1
    ec2.converge(2)
    assert ec2.described("stopped") == []
    ec2.settings["autoscale_warm"] = 0
    ec2.reach(0)
    check_policy(ec2, "policy_ec2.json")


@pytest.mark.parametrize("backend", ["ec2", "ec2_group"])
def test_to_look_is_one_call(make_scenario: Callable[[str], Scenario], backend: str) -> None:
    scenario = make_scenario(backend)
    assert isinstance(scenario, Ec2Scenario)
    assert scenario.status()["instances"] == []
    assert scenario.aws.actions == ["ec2:DescribeInstances"]


def test_the_policy_for_groups_allows_what_is_called_and_no_more(group: Ec2GroupScenario) -> None:
    group.reach(2)
    group.reach(0)
    check_policy(group, "policy_ec2_group.json")


def test_secrets_are_in_no_output(ec2: Ec2Scenario) -> None:
    ec2.settings["autoscale_pools"][0]["user_data"] = "#!/bin/sh\necho a-secret-of-the-service\n"
    run = ec2.converge(1, "-vvvv")
    assert run.ok, run.output
    (launch,) = [call for call in ec2.aws.calls if call.action == "ec2:RunInstances"]
    assert launch.parameters["UserData"]
    ec2.aws.refuse = lambda _call: ("AuthFailure", "AWS was not able to validate the provided access credentials")
    refused = ec2.converge(1, "-vvvv")
    assert "AuthFailure" in refused.output
    for secret in (*KEYS.values(), "a-secret-of-the-service", launch.parameters["UserData"]):
        assert secret not in run.output + refused.output


def test_only_what_carries_the_tags_of_the_pool_is_touched(ec2: Ec2Scenario) -> None:
    ours = {"rlops.autoscale:cluster": "chat", "rlops.autoscale:pool": "ec2", "rlops.autoscale:index": "1"}
    others = [{}, ours | {"rlops.autoscale:cluster": "chat2"}, ours | {"rlops.autoscale:pool": "far"}]
    foreign = {_launch(ec2, {"Name": "chat-1", **tags}) for tags in others}
    ec2.reach(2)
    assert {i["name"] for i in ec2.status()["instances"]} == {"chat-1", "chat-2"}
    ec2.reach(0)
    assert {i["InstanceId"] for i in ec2.described("running")} == foreign


def test_of_two_that_have_one_name_the_younger_goes(ec2: Ec2Scenario) -> None:
    ec2.reach(2)
    there = ec2.running()
    ours = {"rlops.autoscale:cluster": "chat", "rlops.autoscale:pool": "ec2", "rlops.autoscale:index": "1"}
    twin = _launch(ec2, {"Name": "chat-1", **ours})
    assert {i["name"] for i in ec2.status()["instances"]} == {"chat-1", "chat-2", twin}
    ec2.reach(2)
    assert {i["InstanceId"] for i in ec2.described("running")} == set(there.values())


def test_where_one_subnet_has_no_room_the_next_is_taken(ec2: Ec2Scenario) -> None:
    full = {ec2.subnets[0]}
    ec2.aws.refuse = lambda call: NO_ROOM if call.parameters.get("SubnetId") in full else None
    ec2.reach(2)
    assert {i["SubnetId"] for i in ec2.described("running")} == {ec2.subnets[1]}

    full.add(ec2.subnets[1])
    ec2.aws.calls.clear()
    why = ": ".join(NO_ROOM)
    run = ec2.converge(4)
    assert {i["name"]: i["reason"] for i in run.result["failed_instances"]} == {"chat-3": why, "chat-4": why}
    # Each subnet was tried once for each instance: a tick does not wait for room.
    assert ec2.aws.actions.count("ec2:RunInstances") == 4
    assert len(ec2.running()) == 2


def test_an_api_that_is_down_is_a_pool_that_does_not_answer(ec2: Ec2Scenario) -> None:
    ec2.settings["autoscale_pools"][0]["endpoint_url"] = "http://127.0.0.1:9"
    run = ec2.converge(1)
    assert not run.ok
    assert "pool ec2 does not answer: ec2_instance_info: " in run.output


def test_a_group_keeps_all_but_its_capacity(group: Ec2GroupScenario) -> None:
    group.groups.update_auto_scaling_group(
        AutoScalingGroupName=GROUP,
        DefaultCooldown=17,
        HealthCheckType="ELB",
        HealthCheckGracePeriod=18,
        TerminationPolicies=["NewestInstance"],
    )
    group.groups.suspend_processes(AutoScalingGroupName=GROUP, ScalingProcesses=["AZRebalance"])
    before = group.group()
    group.reach(3)
    oldest = group.status()["instances"][0]["name"]
    group.settings["autoscale_victim"] = "oldest"
    group.reach(2)
    assert oldest not in group.running()
    after = group.group()
    assert (after["DesiredCapacity"], len(after["Instances"])) == (2, 2)
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"DesiredCapacity", "Instances"}


def test_a_group_gets_as_many_as_it_allows(group: Ec2GroupScenario) -> None:
    group.groups.update_auto_scaling_group(AutoScalingGroupName=GROUP, MinSize=1, MaxSize=2)
    allows = f"the group {GROUP} allows sizes from 1 to 2, so its capacity cannot be"
    run = group.converge(4)
    refused = {"chat#3": f"{allows} 4", "chat#4": f"{allows} 4"}
    assert {i["name"]: i["reason"] for i in run.result["failed_instances"]} == refused
    assert len(group.running()) == 2
    run = group.try_to_reach(0)
    assert not run.ok
    assert f"{allows} 0" in run.output


def _launch(ec2: Ec2Scenario, tags: dict[str, str]) -> str:
    """Launch an instance that was not ordered; its id."""
    pairs: list[dict[str, Any]] = [{"Key": key, "Value": value} for key, value in tags.items()]
    answer = ec2.ec2.run_instances(
        LaunchTemplate={"LaunchTemplateName": "chat"},
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": pairs}],
    )
    return str(answer["Instances"][0]["InstanceId"])
