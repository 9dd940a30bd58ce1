# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible prints, without its line ends."""

from __future__ import annotations


def unwrapped(text: str) -> str:
    """The text as one line: Ansible wraps warnings, before ansible-core 2.19 after 79 columns."""
    return " ".join(text.split())
