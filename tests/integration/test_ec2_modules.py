# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules ec2_instances and ec2_group_capacity, by themselves: twice the same, dry runs, what is wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.tests.tools.aws_service import KEYS, REGION, AwsService

pytestmark = pytest.mark.slow

PLAYBOOK = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - rlops.autoscale.{module}: "{{{{ arguments }}}}"
      register: result
      ignore_errors: true
"""

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(aws: AwsService, ansible_playbook: Callable[..., Any], tmp_path: Path) -> Run:
    """Function that runs a module once and returns its result."""

    def once(
        module: str, *, check: bool = False, environment: dict[str, str] | None = None, **options: Any
    ) -> dict[str, Any]:
        arguments = {"region": REGION, "endpoint_url": aws.url, **options}
        done = ansible_playbook(
            PLAYBOOK.format(module=module),
            "localhost ansible_connection=local,",
            extra_vars={"arguments": arguments, "ansible_python_interpreter": sys.executable},
            env=KEYS if environment is None else environment,
            check=check,
        )
        assert done.rc == 0, done.output
        return dict(done.registered["result"])

    return once


def states(aws: AwsService) -> dict[str, str]:
    """State by id, of all instances."""
    answer = aws.client("ec2").describe_instances()
    return {i["InstanceId"]: i["State"]["Name"] for group in answer["Reservations"] for i in group["Instances"]}


def test_instances_are_launched_once_and_chosen_by_id(aws: AwsService, run: Run) -> None:
    image = aws.client("ec2").register_image(Name="chat")["ImageId"]
    asked = {
        "launch": [{"name": "chat-1"}, {"name": "chat-2", "tags": {"index": 2}}],
        "tags": {"service": "chat"},
        "image_id": image,
        "instance_type": "t3.micro",
        "user_data": "#!/bin/sh\necho a-secret\n",
    }
    dry = run("ec2_instances", check=True, **asked)
    assert (dry["changed"], dry["launched"], states(aws)) == (True, {"chat-1": None, "chat-2": None}, {})
    first = run("ec2_instances", **asked)
    assert first["launched"].keys() == {"chat-1", "chat-2"}
    assert first["diff"] == {"before": {}, "after": dict.fromkeys(first["launched"].values(), "pending")}
    assert "a-secret" not in json.dumps(first)
    again = run("ec2_instances", **asked)
    assert (again["changed"], again["launched"]) == (False, {})
    # Of another service, it is another instance.
    other = run("ec2_instances", **{**asked, "tags": {"service": "push"}, "launch": [{"name": "chat-1"}]})
    assert other["launched"].keys() == {"chat-1"}

    one, two = first["launched"]["chat-1"], first["launched"]["chat-2"]
    change = {"stop": [one], "terminate": [two, "i-00000000000000000"]}
    assert run("ec2_instances", check=True, **change)["diff"]["after"] == {one: "stopping", two: "shutting-down"}
    assert states(aws)[one] == states(aws)[two] == "running"
    done = run("ec2_instances", **change)
    assert (done["stopped"], done["terminated"], done["changed"]) == ([one], [two], True)
    assert (states(aws)[one], states(aws)[two]) == ("stopped", "terminated")
    assert run("ec2_instances", **change)["changed"] is False
    assert run("ec2_instances", start=[one, two])["started"] == [one]
    assert states(aws)[one] == "running"


def test_one_that_is_protected_keeps_no_other_from_its_end(aws: AwsService, run: Run) -> None:
    ec2 = aws.client("ec2")
    image = ec2.register_image(Name="chat")["ImageId"]
    answer = ec2.run_instances(ImageId=image, MinCount=2, MaxCount=2)
    kept, gone = (instance["InstanceId"] for instance in answer["Instances"])
    ec2.modify_instance_attribute(InstanceId=kept, DisableApiTermination={"Value": True})
    result = run("ec2_instances", terminate=[kept, gone])
    assert (result["failed"], result["changed"], result["terminated"]) == (True, True, [gone])
    assert result["refused"].keys() == {kept}
    assert result["msg"].startswith(f"{kept}: OperationNotPermitted: ")


def test_a_capacity_is_set_and_who_goes_is_named(aws: AwsService, run: Run) -> None:
    ec2, groups = aws.client("ec2"), aws.client("autoscaling")
    image = ec2.register_image(Name="chat")["ImageId"]
    ec2.create_launch_template(
        LaunchTemplateName="chat", LaunchTemplateData={"ImageId": image, "InstanceType": "t3.micro"}
    )
    groups.create_auto_scaling_group(
        AutoScalingGroupName="chat",
        LaunchTemplate={"LaunchTemplateName": "chat", "Version": "$Latest"},
        MinSize=1,
        MaxSize=4,
        AvailabilityZones=[f"{REGION}a"],
    )

    def there() -> list[str]:
        (group,) = groups.describe_auto_scaling_groups(AutoScalingGroupNames=["chat"])["AutoScalingGroups"]
        return [instance["InstanceId"] for instance in group["Instances"]]

    before = there()
    dry = run("ec2_group_capacity", check=True, name="chat", capacity=3)
    assert (dry["changed"], dry["capacity"], there()) == (True, 3, before)
    grown = run("ec2_group_capacity", name="chat", capacity=3)
    assert (grown["changed"], grown["min_size"], grown["max_size"], len(there())) == (True, 1, 4, 3)
    assert run("ec2_group_capacity", name="chat", capacity=3)["changed"] is False

    victim, *rest = there()
    shrunk = run("ec2_group_capacity", name="chat", terminate=[victim])
    assert (shrunk["capacity"], shrunk["terminated"], there()) == (2, [victim], rest)
    assert shrunk["diff"]["after"] == {"capacity": 2, "instances": rest}
    assert run("ec2_group_capacity", name="chat", terminate=[victim])["changed"] is False
    replaced = run("ec2_group_capacity", name="chat", capacity=2, terminate=[rest[0]])
    assert (replaced["capacity"], len(there())) == (2, 2)
    assert rest[0] not in there()

    refused = run("ec2_group_capacity", name="chat", capacity=5)
    assert refused["msg"] == "the group chat allows sizes from 1 to 4, so its capacity cannot be 5"
    assert run("ec2_group_capacity", name="chat", terminate=there())["failed"] is True
    assert len(there()) == 2
    assert "there is no Auto Scaling group web in this region" in run("ec2_group_capacity", name="web")["msg"]


def test_what_cannot_be_asked_says_why(run: Run) -> None:
    wrong = run("ec2_group_capacity", name="chat", region=None)
    assert wrong["msg"] == "region: expected a region such as eu-central-1, got nothing"
    wrong = run("ec2_group_capacity", name="chat", endpoint_url="moto")
    assert wrong["msg"] == "the API autoscaling cannot be used: Invalid endpoint: moto"
    wrong = run("ec2_instances", terminate=["i-1"], endpoint_url="http://127.0.0.1:9")
    assert "Could not connect to the endpoint URL" in wrong["msg"]
    wrong = run("ec2_instances", terminate=["i-1"], environment={"AWS_EC2_METADATA_DISABLED": "true"})
    assert wrong["msg"] == "Unable to locate credentials"
