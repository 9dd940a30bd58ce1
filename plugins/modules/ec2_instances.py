#!/usr/bin/python
# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ec2_instances
version_added: 0.1.0
short_description: Launch, stop, start and terminate EC2 instances, and wait for none of it
description:
  - Asks for all of it at once and returns. M(amazon.aws.ec2_instance_info) tells what has become of it.
  - M(amazon.aws.ec2_instance) is for playbooks that may wait. It launches instances of different names one call each,
    tries for minutes where there is no capacity, and waits until one that boots has booted before it is terminated.
  - Instances are chosen by their ids only.
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
    description: Shows the states of the instances before and after.
  idempotent:
    support: full
    description: What is launched already, or in its state already, is left as it is.
options:
  launch:
    description:
      - The instances that are to be there.
      - One that is there under its name, with the tags O(tags), is not launched again, even if it is stopped.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its tag C(Name).
        type: str
        required: true
      tags:
        description: Tags of its own, beside O(tags).
        type: dict
        default: {}
      subnet_ids:
        description:
          - Where it may be launched. The first that has capacity is taken.
          - The default is the subnet of the launch template, or one of the default VPC.
        type: list
        elements: str
        default: []
  tags:
    description: Tags of all that are launched, which tell them from instances of the same names that are not meant.
    type: dict
    default: {}
  launch_template:
    description: What they are made from. The options below take the place of what it says.
    type: dict
    suboptions:
      id:
        description: Its id.
        type: str
      name:
        description: Its name.
        type: str
      version:
        description: Its version. The default is the template's default version.
        type: str
  image_id:
    description: Their image.
    type: str
  instance_type:
    description: Their type.
    type: str
  security_group_ids:
    description: Their security groups.
    type: list
    elements: str
    default: []
  key_name:
    description: Name of their key pair.
    type: str
  iam_instance_profile:
    description: Name or ARN of their instance profile.
    type: str
  user_data:
    description: Their user data. It is never shown.
    type: str
  stop:
    description: Ids of instances that are to be stopped and kept.
    type: list
    elements: str
    default: []
  start:
    description: Ids of stopped instances that are to run again. One that is still stopping cannot be started yet.
    type: list
    elements: str
    default: []
  terminate:
    description: Ids of instances that are to end.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Launch two instances where there is capacity
  rlops.autoscale.ec2_instances:
    region: eu-central-1
    launch:
      - {name: chat-1, subnet_ids: [subnet-0a, subnet-0b]}
      - {name: chat-2, subnet_ids: [subnet-0b, subnet-0a]}
    launch_template: {name: chat}
    tags: {service: chat}

- name: End one of them
  rlops.autoscale.ec2_instances:
    region: eu-central-1
    terminate: [i-0123456789abcdef0]
"""

RETURN = r"""
launched:
  description: What was launched, by name. The id is null under check mode.
  type: dict
  returned: always
  sample: {chat-1: i-0123456789abcdef0}
stopped:
  description: Ids of the instances that were asked to stop.
  type: list
  elements: str
  returned: always
  sample: []
started:
  description: Ids of the instances that were asked to run.
  type: list
  elements: str
  returned: always
  sample: []
terminated:
  description: Ids of the instances that were asked to end.
  type: list
  elements: str
  returned: always
  sample: []
refused:
  description: What could not be done, by name or id, and why. If there is any, the task has failed.
  type: dict
  returned: always
  sample: {chat-2: "InsufficientInstanceCapacity: We currently do not have sufficient capacity"}
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rlops.autoscale.plugins.module_utils._aws import AWS_SPEC, LAUNCH_SPEC, Api, RefusedError
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError

SPEC: dict[str, Any] = {
    **AWS_SPEC,
    "launch": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "tags": {"type": "dict", "default": {}},
            "subnet_ids": {"type": "list", "elements": "str", "default": []},
        },
    },
    "tags": {"type": "dict", "default": {}},
    **LAUNCH_SPEC,
    "stop": {"type": "list", "elements": "str", "default": []},
    "start": {"type": "list", "elements": "str", "default": []},
    "terminate": {"type": "list", "elements": "str", "default": []},
}

#: Result -> option, call, states from which it goes on, and the state it leads to.
CHANGES = {
    "stopped": ("stop", "stop_instances", ("pending", "running"), "stopping"),
    "started": ("start", "start_instances", ("stopped",), "pending"),
    "terminated": ("terminate", "terminate_instances", ("pending", "running", "stopping", "stopped"), "shutting-down"),
}
THERE = ("pending", "running", "stopping", "stopped")
#: Another subnet, which is in another availability zone, may have what this one lacks.
NO_ROOM = (
    "InsufficientFreeAddressesInSubnet",
    "InsufficientHostCapacity",
    "InsufficientInstanceCapacity",
    "Unsupported",
)


def request(params: Mapping[str, Any], instance: Mapping[str, Any], subnet_id: str | None) -> dict[str, Any]:
    """What RunInstances is asked for, with the module's options ``params`` and an entry of ``launch``."""
    tags = {**params["tags"], **instance["tags"], "Name": instance["name"]}
    pairs = [{"Key": str(key), "Value": str(value)} for key, value in tags.items()]
    profile = params["iam_instance_profile"]
    template = params["launch_template"] or {}
    asked = {
        "LaunchTemplate": _given(
            {
                "LaunchTemplateId": template.get("id"),
                "LaunchTemplateName": template.get("name"),
                "Version": template.get("version"),
            }
        ),
        "ImageId": params["image_id"],
        "InstanceType": params["instance_type"],
        "SecurityGroupIds": params["security_group_ids"],
        "SubnetId": subnet_id,
        "KeyName": params["key_name"],
        "IamInstanceProfile": profile and {"Arn" if profile.startswith("arn:") else "Name": profile},
        "UserData": params["user_data"],
        "TagSpecifications": [{"ResourceType": kind, "Tags": pairs} for kind in ("instance", "volume")],
    }
    return {"MinCount": 1, "MaxCount": 1, **_given(asked)}


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value}


class Instances:
    """What the module's options ask for, and what has come of it."""

    def __init__(self, module: AnsibleModule) -> None:
        self._params = module.params
        self._dry = module.check_mode
        self._api = Api(module, "ec2")
        self.refused: dict[str, str] = {}
        self.done: dict[str, Any] = {"launched": {}, **{result: [] for result in CHANGES}}
        #: State by id, or by name where there is no id.
        self.before: dict[str, str] = {}
        self.after: dict[str, str] = {}

    def apply(self) -> None:
        """Do it. Raises AutoscaleError where the API does not answer."""
        named = [i for option, *_rest in CHANGES.values() for i in self._params[option]]
        self.before = {i["InstanceId"]: i["State"]["Name"] for i in self._found("instance-id", named)}
        self.after = dict(self.before)
        for result, (option, call, states, state) in CHANGES.items():
            for instance_id in self._params[option]:
                if self.before.get(instance_id) in states and self._do(call, instance_id):
                    self.done[result].append(instance_id)
                    self.after[instance_id] = state
        there = self._names()
        missing = [instance for instance in self._params["launch"] if instance["name"] not in there]
        for position, instance in enumerate(missing):
            try:
                self._launch(instance)
            except AutoscaleError as error:  # it does not answer any more
                self.refused |= {one["name"]: str(error) for one in missing[position:]}
                return

    def _do(self, call: str, instance_id: str) -> bool:
        """One by one, for one that cannot be keeps all others of a call from it."""
        try:
            if not self._dry:
                self._api.call(call, InstanceIds=[instance_id])
        except RefusedError as refusal:
            self.refused[instance_id] = str(refusal)
            return False
        return True

    def _launch(self, instance: Mapping[str, Any]) -> None:
        name = instance["name"]
        for subnet_id in instance["subnet_ids"] or [None]:
            try:
                instance_id = None if self._dry else self._run(instance, subnet_id)
            except RefusedError as refusal:
                self.refused[name] = str(refusal)
                if refusal.code in NO_ROOM:
                    continue
                return
            self.refused.pop(name, None)
            self.done["launched"][name] = instance_id
            self.after[instance_id or name] = "pending"
            return

    def _run(self, instance: Mapping[str, Any], subnet_id: str | None) -> str:
        answer = self._api.call("run_instances", **request(self._params, instance, subnet_id))
        return str(answer["Instances"][0]["InstanceId"])

    def _names(self) -> set[str]:
        """Of those that are to be launched, the names of those that are there."""
        names = [instance["name"] for instance in self._params["launch"]]
        tags = {f"tag:{key}": [str(value)] for key, value in self._params["tags"].items()}
        found = self._found("tag:Name", names, **{**tags, "instance-state-name": list(THERE)})
        return {tag["Value"] for instance in found for tag in instance["Tags"] if tag["Key"] == "Name"}

    def _found(self, key: str, values: list[str], **more: list[str]) -> Iterator[dict[str, Any]]:
        """The instances that pass these filters."""
        if not values:
            return
        filters = [{"Name": name, "Values": wanted} for name, wanted in {key: values, **more}.items()]
        for reservation in self._api.list("describe_instances", Filters=filters)["Reservations"]:
            yield from reservation["Instances"]


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    instances = Instances(module)
    why = ""
    try:
        instances.apply()
    except AutoscaleError as error:
        why = str(error)
    result = {
        "changed": any(instances.done.values()),
        "diff": {"before": instances.before, "after": instances.after},
        "refused": instances.refused,
        **instances.done,
    }
    why = why or "; ".join(f"{name}: {reason}" for name, reason in instances.refused.items())
    if why:
        module.fail_json(msg=why, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
