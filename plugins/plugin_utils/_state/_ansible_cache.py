# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's configured cache plugin as the state store wants it: the only file of the store that imports Ansible."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._cache import PREFIX, CachePlugin

try:
    from ansible import constants
    from ansible.plugins.loader import cache_loader
    from ansible.release import __version__
except ImportError as error:  # the core is imported without Ansible by tools and tests
    IMPORT_ERROR: ImportError | None = error
else:
    IMPORT_ERROR = None


def writes_plain_facts() -> bool:
    """Whether this core writes the facts of a host where AWX reads them, from its memory: so it did before 2.19."""
    return tuple(int(part) for part in __version__.split(".")[:2]) < (2, 19)


class AnsibleCache:
    """A CacheAdapter for the plugin called `name`. The underscored attributes read here are ansible-core's, 2.16 to
    2.19: there is no public way to ask a file cache where its files are."""

    def __init__(self, name: str) -> None:
        self.name = name
        plugin = self.open()
        # `memory` says that it forgets only since ansible-core 2.19.
        self.persistent = getattr(plugin, "_persistent", True) and name.rpartition(".")[2] != "memory"
        directory = getattr(plugin, "_cache_dir", None)
        self.directory = Path(directory).absolute() if directory else None

    def open(self) -> CachePlugin:
        """A fresh instance of the plugin."""
        plugin: CachePlugin | None = cache_loader.get(self.name, _prefix=PREFIX, _timeout=0)
        if plugin is None:
            raise AutoscaleError(f"the cache plugin {self.name} cannot be loaded")
        return plugin

    def path(self, key: str) -> Path | None:
        """The file of a key; None unless the plugin keeps files."""
        plugin = self.open()
        if self.directory is None:
            return None
        # From 2.19 on, core changes the key on its way to the plugin.
        inner_key = plugin._get_key(key) if hasattr(plugin, "_get_key") else key
        return Path(plugin._get_cache_file_name(inner_key))  # type: ignore[attr-defined]


def configured_cache() -> AnsibleCache:
    """The cache plugin of this Ansible run (setting `fact_caching`), as argument `cache` of `open_store`."""
    if IMPORT_ERROR is not None:
        raise AutoscaleError("the cache form of the state store works only within Ansible") from IMPORT_ERROR
    return AnsibleCache(constants.CACHE_PLUGIN)
