# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backends ec2 and ec2_group, on the books of moto: instances that are there, and never boot.

Their health is told by a server of the tests; their addresses are asked by nobody.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.rlops.autoscale.tests.tools.aws_service import KEYS, REGION, AwsService

from .health import HealthServer
from .scenario import Scenario

GROUP = "chat-group"


class Ec2Scenario(Scenario):
    """Backend ec2."""

    pauses = True

    def driver_settings(self) -> dict[str, Any]:
        self.aws: AwsService = self.request.getfixturevalue("aws")
        self.ec2 = self.aws.client("ec2")
        self.health = HealthServer(self.unhealthy)
        image = self.ec2.register_image(Name="chat")["ImageId"]
        template = {"ImageId": image, "InstanceType": "t3.micro"}
        self.ec2.create_launch_template(LaunchTemplateName="chat", LaunchTemplateData=template)
        self.subnets = [subnet["SubnetId"] for subnet in self.ec2.describe_subnets()["Subnets"]]
        place = {"region": REGION, "endpoint_url": self.aws.url, "service_port": 8080}
        return {"autoscale_health_url": self.health.url, "autoscale_pools": [{**self.pool_settings(), **place}]}

    def pool_settings(self) -> dict[str, Any]:
        """Options of the pool that are not the same for both backends."""
        return {"backend": "ec2", "launch_template": {"name": "chat"}, "subnet_ids": self.subnets[:2]}

    def described(self, *states: str) -> list[dict[str, Any]]:
        """Instances in these states, as EC2 tells."""
        filters = [{"Name": "instance-state-name", "Values": list(states)}]
        answer = self.ec2.describe_instances(Filters=filters)
        return [i for reservation in answer["Reservations"] for i in reservation["Instances"]]

    def running(self) -> dict[str, str]:
        """Name -> id. Those that are stopped are there, too, as a paused process is."""
        return {_tags(i)["Name"]: i["InstanceId"] for i in self.described("pending", "running", "stopping", "stopped")}

    def serves(self, instance: dict[str, Any]) -> bool:
        return self.running()[instance["name"]] in [i["InstanceId"] for i in self.described("running")]

    def kill(self, name: str) -> None:
        self.ec2.terminate_instances(InstanceIds=[self.running()[name]])

    def clean_up(self) -> None:
        self.health.close()

    def environment(self) -> dict[str, str]:
        return KEYS


class Ec2GroupScenario(Ec2Scenario):
    """Backend ec2_group."""

    gives_names = True
    pauses = False

    def pool_settings(self) -> dict[str, Any]:
        self.groups = self.aws.client("autoscaling")
        self.groups.create_auto_scaling_group(
            AutoScalingGroupName=GROUP,
            LaunchTemplate={"LaunchTemplateName": "chat", "Version": "$Latest"},
            MinSize=0,
            MaxSize=6,
            DesiredCapacity=0,
            VPCZoneIdentifier=",".join(self.subnets),
        )
        return {"backend": "ec2_group", "group": GROUP}

    def group(self) -> dict[str, Any]:
        """The group, as EC2 tells."""
        (group,) = self.groups.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"]
        return dict(group)

    def running(self) -> dict[str, str]:
        """Id -> id."""
        return {i["InstanceId"]: i["InstanceId"] for i in self.described("pending", "running")}


def _tags(instance: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
