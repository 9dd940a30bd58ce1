# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backends. Keep the order alphabetical."""

from __future__ import annotations

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Driver, PoolContext
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._custom import CustomDriver
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._local import LocalDriver
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._static import StaticDriver

BACKENDS: dict[str, type[Driver]] = {
    "custom": CustomDriver,
    "local": LocalDriver,
    "static": StaticDriver,
}


def make_driver(backend: str, context: PoolContext) -> Driver:
    """The driver of a pool. Raises OptionError for an unknown backend or a missing option of it."""
    driver = BACKENDS.get(backend)
    if driver is None:
        raise OptionError("backend", f"expected one of {', '.join(BACKENDS)}, got {quoted(backend)}")
    for option in driver.required:
        if not context.options.get(option):
            raise OptionError(option, f"pool {context.name} of backend {backend} needs it")
    return driver(context)
