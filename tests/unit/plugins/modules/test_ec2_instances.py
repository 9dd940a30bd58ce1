# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What EC2 is asked for when an instance is launched."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.modules.ec2_instances import SPEC, request

DEFAULTS = {name: option.get("default") for name, option in SPEC.items()}


def asked(subnet_id: str | None = None, tags: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    instance = {"name": "chat-1", "tags": tags or {}, "subnet_ids": []}
    return request({**DEFAULTS, **options}, instance, subnet_id)


def test_a_launch_template_is_enough() -> None:
    asks = asked(launch_template={"id": None, "name": "chat", "version": None})
    pairs = [{"Key": "Name", "Value": "chat-1"}]
    assert asks == {
        "MinCount": 1,
        "MaxCount": 1,
        "LaunchTemplate": {"LaunchTemplateName": "chat"},
        "TagSpecifications": [{"ResourceType": kind, "Tags": pairs} for kind in ("instance", "volume")],
    }


def test_options_have_their_place() -> None:
    asks = asked(
        "subnet-1",
        launch_template={"id": "lt-1", "name": None, "version": "7"},
        image_id="ami-1",
        instance_type="t3.micro",
        security_group_ids=["sg-1"],
        key_name="key",
        user_data="#!/bin/sh",
    )
    del asks["TagSpecifications"]
    assert asks == {
        "MinCount": 1,
        "MaxCount": 1,
        "LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "7"},
        "ImageId": "ami-1",
        "InstanceType": "t3.micro",
        "SecurityGroupIds": ["sg-1"],
        "SubnetId": "subnet-1",
        "KeyName": "key",
        "UserData": "#!/bin/sh",
    }


def test_tags_are_text_and_the_name_is_one() -> None:
    asks = asked(tags={"index": 3, "Name": "another"}, image_id="ami-1")
    assert asks["TagSpecifications"][0]["Tags"] == [
        {"Key": "index", "Value": "3"},
        {"Key": "Name", "Value": "chat-1"},
    ]


@pytest.mark.parametrize(("profile", "key"), [("chat", "Name"), ("arn:aws:iam::1:instance-profile/chat", "Arn")])
def test_a_profile_is_a_name_or_an_arn(profile: str, key: str) -> None:
    assert asked(iam_instance_profile=profile)["IamInstanceProfile"] == {key: profile}
