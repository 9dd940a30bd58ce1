# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What options of awx_plan may be, beyond their kinds."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, about, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._inventory import GROUP
from ansible_collections.rlops.autoscale.plugins.plugin_utils._job import DECISION_HOLDS_S, variable_of
from ansible_collections.rlops.autoscale.plugins.plugin_utils._settings import refuse_unknown

_ROLE = "awx_"  # its variables begin so
_PREFIX = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 _.-]{0,62}[A-Za-z0-9])?")
#: As the filter of events, normalise, takes them, which imports nothing: an alert of another one would start nothing.
_CLUSTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
#: Names that mean all clusters.
_GROUPS = frozenset({"all", "ungrouped", GROUP})
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
#: What AWX lets no credential set, beside ANSIBLE_*.
_FORBIDDEN = frozenset(
    (
        *("VIRTUAL_ENV", "PATH", "PYTHONPATH", "CACHE", "AWX_HOST", "PROJECT_REVISION", "SUPERVISOR_CONFIG_PATH"),
        *("JOB_ID", "INVENTORY_ID", "INVENTORY_SOURCE_ID", "INVENTORY_UPDATE_ID", "AD_HOC_COMMAND_ID"),
        *("REST_API_URL", "REST_API_TOKEN", "MAX_EVENT_RES", "CALLBACK_QUEUE", "CALLBACK_CONNECTION"),
        *("JOB_CALLBACK_DEBUG", "INVENTORY_HOSTVARS"),
    )
)

_WEBHOOK = {
    "url": str,
    "http_method": str,
    "headers": Mapping,
    "username": str,
    "password": str,
    "disable_ssl_verification": bool,
}
_TYPES = {str: "a text", bool: "true or false", Mapping: "a dictionary"}


def check_prefix(prefix: str) -> str:
    """The option `prefix`. Raises OptionError."""
    if _PREFIX.fullmatch(prefix):
        return prefix
    raise OptionError("prefix", f"up to 64 letters, digits, blanks, dots and dashes are expected, got {quoted(prefix)}")


def check_name(option: str, name: str | None) -> str:
    """A name that the modules of awx.awx take for a name: what looks like an id, they look up as one."""
    text = name or ""
    if not text.strip() or text != text.strip() or len(text) > 512 or not text.isprintable():
        raise OptionError(option, f"a name is expected, got {quoted(text) or 'nothing'}")
    if "++" in text or _is_number(text):
        raise OptionError(option, f"a name that is not a number and has no ++ in it is expected, got {quoted(text)}")
    return text


def _is_number(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


def check_environment(environment: Mapping[str, Any]) -> None:
    """The option `environment`. Raises OptionError."""
    for variable, value in environment.items():
        option = f"environment.{quoted(variable)}"
        if not _VARIABLE.fullmatch(str(variable)):
            raise OptionError(option, "the name of an environment variable is expected, such as RL_STATE_URI")
        if variable.startswith("ANSIBLE_") or variable in _FORBIDDEN:
            raise OptionError(
                option, "AWX lets no credential set this variable; set it in the execution environment instead"
            )
        if value in (None, ""):
            raise OptionError(option, "a value is expected, got nothing")


def clusters_of(options: Mapping[str, Any], settings: Collection[str]) -> dict[str, dict[str, Any]]:
    """The variables of each cluster. Raises OptionError."""
    clusters = options["clusters"]
    if not clusters:
        raise OptionError("clusters", "the variables of at least one cluster are expected, by its name, got nothing")
    found: dict[str, dict[str, Any]] = {}
    published: dict[str, str] = {}
    for name, variables in clusters.items():
        option = f"clusters.{quoted(name)}"
        if name in _GROUPS:
            raise OptionError(option, f"another name is expected, since {name} is a group of hosts")
        if not _CLUSTER.fullmatch(str(name)) or _is_number(str(name)):
            expected = "a name of at most 100 letters, digits, dots, dashes and underscores"
            raise OptionError(option, f"{expected} is expected, the first one a letter or digit, and not a number")
        if not isinstance(variables or {}, Mapping):
            raise OptionError(option, f"variables are expected, got {quoted(variables)}")
        published_as = variable_of(str(name))
        if published_as in published:
            other = published[published_as]
            raise OptionError(option, f"its decisions would have the same name in AWX as those of {other}")
        published[published_as] = name
        found[str(name)] = plain(variables or {})
        refuse_unknown_settings(option, found[str(name)], settings)
    refuse_unknown_settings("cluster_variables", options["cluster_variables"], settings)
    return found


def refuse_unknown_settings(where: str, variables: Mapping[str, Any], settings: Collection[str]) -> None:
    """Raise OptionError for a variable that begins like a setting of a cluster and is none."""
    try:
        refuse_unknown(variables, settings)
    except OptionError as error:
        raise about(where, error) from error


def refuse_misspelt(variables: Iterable[str], options: Collection[str]) -> None:
    """Raise OptionError for a variable that is nearly one of the role's, `awx_<option>`.

    Any other that begins so is somebody else's: AWX gives each job some.
    """
    for variable in variables:
        name = variable.removeprefix(_ROLE)
        if name == variable or name in options:
            continue
        close = get_close_matches(name, options, n=1, cutoff=0.82)
        if close:
            raise OptionError(quoted(variable), f"there is no such variable; did you mean {_ROLE}{close[0]}?")


def check_webhook(option: str, given: Mapping[str, Any]) -> None:
    """Raise OptionError for what AWX would refuse. What is in it is secret, and so is what AWX would say."""
    for name, value in given.items():
        if name not in _WEBHOOK:
            raise OptionError(f"{option}.{quoted(name)}", f"there is no such option; there are {', '.join(_WEBHOOK)}")
        if not isinstance(value, _WEBHOOK[name]):
            raise OptionError(f"{option}.{name}", f"{_TYPES[_WEBHOOK[name]]} is expected")
    if not given.get("url"):
        raise OptionError(f"{option}.url", "where AWX shall send it is expected, got nothing")
    if given.get("http_method", "POST") not in ("POST", "PUT"):
        raise OptionError(f"{option}.http_method", "POST or PUT is expected")


def at_least(option: str, value: int | None, low: int, *, default: int = 0) -> int:
    """The value of an option, or the default where it is not given. Raises OptionError."""
    if value is None:
        return default
    if value < low:
        raise OptionError(option, f"a whole number of at least {low} is expected, got {value}")
    return value


def approval_timeout(seconds: int) -> int:
    """The option `workflow.approval_timeout`. Raises OptionError."""
    if 1 <= seconds <= DECISION_HOLDS_S:
        return seconds
    raise OptionError(
        "workflow.approval_timeout",
        f"1 to {DECISION_HOLDS_S:g} seconds are expected, for which a decision holds, got {seconds}",
    )


def refuse_twice(names: Iterable[str], option: str) -> None:
    """Raise OptionError where two names are the same."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise OptionError(option, f"two objects would have the name {quoted(name)}; give one of them another")
        seen.add(name)


def plain(value: Any) -> Any:
    """Variables as JSON has them, without what Ansible knows of them."""
    return json.loads(json.dumps(value, default=str))
