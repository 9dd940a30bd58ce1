# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides how many instances a cluster shall have; see the documentation of the module of the same name."""

from __future__ import annotations

from ansible_collections.rlops.autoscale.plugins.plugin_utils._deciding import DecidingAction


class ActionModule(DecidingAction):
    """One cluster, which is the host the task runs for."""
