# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon's APIs for modules that must not keep a tick waiting. Needs boto3 where the module runs.

Credentials are found by boto3: in the environment, in its files, or from the role of the machine.
"""

from __future__ import annotations

import traceback
from typing import Any

from ansible.module_utils.basic import AnsibleModule, env_fallback, missing_required_lib
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError

#: Options of all modules of this kind; the variables are those of the collection amazon.aws.
AWS_SPEC: dict[str, Any] = {
    "region": {"type": "str", "fallback": (env_fallback, ["AWS_REGION", "AWS_DEFAULT_REGION"])},
    "endpoint_url": {"type": "str", "fallback": (env_fallback, ["AWS_URL"])},
}

#: What instances are made from, where they are launched by ec2_instances.
LAUNCH_SPEC: dict[str, Any] = {
    "launch_template": {
        "type": "dict",
        "mutually_exclusive": [["id", "name"]],
        "required_one_of": [["id", "name"]],
        "options": {"id": {"type": "str"}, "name": {"type": "str"}, "version": {"type": "str"}},
    },
    "image_id": {"type": "str"},
    "instance_type": {"type": "str"},
    "security_group_ids": {"type": "list", "elements": "str", "default": []},
    "key_name": {"type": "str", "no_log": False},
    "iam_instance_profile": {"type": "str"},
    "user_data": {"type": "str", "no_log": True},
}

#: How long an API may take to answer, and how often it is asked at most. boto3 alone would wait for minutes.
PATIENCE: dict[str, Any] = {
    "connect_timeout": 5,
    "read_timeout": 15,
    "retries": {"mode": "standard", "total_max_attempts": 2},
}


class RefusedError(AutoscaleError):
    """The API has answered that it does not do that; `code` is its name for why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Api:
    """A service of Amazon's, in the region of the module's options."""

    def __init__(self, module: AnsibleModule, service: str) -> None:
        """Fails the module where boto3 is missing."""
        try:
            import boto3  # noqa: PLC0415
            from botocore import config, exceptions  # noqa: PLC0415
        except ImportError:
            module.fail_json(msg=missing_required_lib("boto3"), exception=traceback.format_exc())
        self._errors = exceptions
        try:
            self._client = boto3.client(
                service,
                region_name=module.params["region"],
                endpoint_url=module.params["endpoint_url"],
                config=config.Config(**PATIENCE),
            )
        except exceptions.NoRegionError:
            module.fail_json(msg="region: expected a region such as eu-central-1, got nothing")
        except (ValueError, exceptions.BotoCoreError) as error:
            module.fail_json(msg=f"the API {service} cannot be used: {error}")

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Its answer. Raises RefusedError, and AutoscaleError where there is none."""
        return self._asked(lambda: getattr(self._client, operation)(**parameters))

    def list(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """All pages of its answer, as one."""
        return self._asked(lambda: self._client.get_paginator(operation).paginate(**parameters).build_full_result())

    def _asked(self, ask: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = ask()
        except self._errors.ClientError as error:
            told = error.response["Error"]
            raise RefusedError(told["Code"], told["Message"]) from error
        except self._errors.BotoCoreError as error:
            raise AutoscaleError(str(error)) from error
        return answer
