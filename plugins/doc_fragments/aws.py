# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options, requirements and attributes of the modules that speak to Amazon; see AWS_SPEC in module_utils/_aws.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
requirements:
  - python >= 3.11
  - boto3
attributes:
  action_group:
    support: full
    description: Use C(group/rlops.autoscale.aws) in C(module_defaults) to set options for all modules of the group.
    membership: [rlops.autoscale.aws]
options:
  region:
    description:
      - The region.
      - The default is E(AWS_REGION) or E(AWS_DEFAULT_REGION), or what the files of the AWS SDK say there.
    type: str
  endpoint_url:
    description: URL of the API, where it is not Amazon's own. The default is E(AWS_URL).
    type: str
notes:
  - There are no options for keys. The AWS SDK finds them where the module runs, in E(AWS_ACCESS_KEY_ID),
    E(AWS_SECRET_ACCESS_KEY) and E(AWS_SESSION_TOKEN), in its own files (E(AWS_PROFILE)), or in the role of the machine.
  - An API that does not answer is given up within a minute.
"""
