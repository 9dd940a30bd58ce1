# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backends by name. Each is loaded when a pool uses it: what nobody uses needs no libraries and costs no time.

`local`, which needs none, is loaded at once: Ansible forks for each task, and what is loaded later is loaded each time.
"""

from __future__ import annotations

from importlib import import_module

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Driver, PoolContext

#: In alphabetical order, please. The driver of `foo` is DRIVER in `_foo.py`.
BACKENDS = ("custom", "local", "static")

import_module(f"{__package__}._local")


def driver_of(backend: str) -> type[Driver]:
    """The driver of a backend. Raises OptionError for an unknown one."""
    if backend not in BACKENDS:
        raise OptionError("backend", f"expected one of {', '.join(BACKENDS)}, got {quoted(backend)}")
    driver: type[Driver] = import_module(f"{__package__}._{backend}").DRIVER
    return driver


def make_driver(backend: str, context: PoolContext) -> Driver:
    """The driver of a pool. Raises OptionError for an unknown backend or a missing option of it."""
    driver = driver_of(backend)
    for option in driver.required:
        if not context.options.get(option):
            raise OptionError(option, f"pool {context.name} of backend {backend} needs it")
    return driver(context)
