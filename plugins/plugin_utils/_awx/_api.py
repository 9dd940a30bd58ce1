# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads AWX's API by the client of awx.awx, so that it is reached in the same way as by the modules of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NoReturn

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import (
    AutoscaleError,
    OptionError,
    SettingError,
    quoted,
)

_CLIENT = "ansible_collections.awx.awx.plugins.module_utils.controller_api"
INSTALL = "ansible-galaxy collection install awx.awx:24.6.1"
_WHERE = "say where AWX is, by CONTROLLER_HOST or by controller_host in awx_controller"
#: Objects a page; AWX gives no more.
_PAGE = 200


class AwxApi:
    """AWX, as far as it is read here. Nothing is written but a token, which ``close`` gives back."""

    def __init__(self, controller: Mapping[str, Any], warn: Callable[[str], None]) -> None:
        """``controller`` are options of the modules of awx.awx, such as controller_host; the rest is as they find it.

        Raises AutoscaleError where awx.awx is not installed, OptionError for options that it does not have.
        """
        try:
            client = import_module(_CLIENT).ControllerAPIModule
        except ImportError as error:
            raise AutoscaleError(f"the collection awx.awx is needed: {INSTALL} ({quoted(error)})") from error
        # What is not given comes from the environment, which the spec says how.
        checked = ArgumentSpecValidator(client.AUTH_ARGSPEC).validate(dict(controller))
        #: What must be shown nowhere.
        self.secrets: set[str] = set(checked._no_log_values)
        if checked.error_messages:
            raise OptionError("controller", "; ".join(checked.error_messages))
        given = checked.validated_parameters
        host = given.get("controller_host")
        if host == "":
            raise SettingError(f"CONTROLLER_HOST is empty; {_WHERE}")

        def fail(**result: Any) -> NoReturn:
            message = f"AWX: {quoted(result.get('msg'))}"
            # Without any, the client asks this machine.
            raise AutoscaleError(f"{message}; {_WHERE}" if host is None and f"//{client.host}" in message else message)

        self._client = client({}, direct_params=given, error_callback=fail, warn_callback=warn)

    def all(self, endpoint: str, **filters: Any) -> list[dict[str, Any]]:
        """All objects of an endpoint that the filters let through. Raises AutoscaleError."""
        answer = self._client.get_endpoint(endpoint, data={**filters, "page_size": _PAGE})
        found = list(self._body(endpoint, answer)["results"])
        while (next_page := answer["json"]["next"]) is not None:
            answer = self._client.get_endpoint(next_page)
            found += self._body(endpoint, answer)["results"]
        return found

    def page(self, endpoint: str) -> Any:
        """What an endpoint answers that gives no list of objects. Raises AutoscaleError."""
        return self._body(endpoint, self._client.get_endpoint(endpoint))

    def close(self) -> None:
        """Give back the token, where one was got for a password."""
        self._client.logout()

    @staticmethod
    def _body(endpoint: str, answer: Mapping[str, Any]) -> Any:
        if answer["status_code"] != 200:
            raise AutoscaleError(f"AWX does not show {endpoint}: {quoted(answer.get('json') or answer.get('text'))}")
        return answer["json"]
