# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Source ``scrape``: the metrics pages of the instances themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.module_utils._http import Client, FetchError, Reply, Request, check_url
from ansible_collections.rlops.autoscale.plugins.module_utils._load import Answer
from ansible_collections.rlops.autoscale.plugins.module_utils._reading import PageError, PageReader, Reading

REQUEST = Request(accept="text/plain;version=0.0.4,*/*;q=0.1")

#: Content types of metrics pages; a server that names none is believed.
METRICS_TYPES = ("", "text/plain", "application/openmetrics-text")


def scraper(
    instances: Sequence[Mapping[str, Any]], options: Mapping[str, Any], clock: Callable[[], float]
) -> Callable[[], list[Answer]]:
    """A function that asks the instances once; each call asks them anew."""
    urls = []
    for instance in instances:
        if not instance.get("metrics_url"):
            raise OptionError("instances", f"{quoted(instance['name'])} has no metrics_url, which source=scrape needs")
        urls.append(check_url("instances", instance["metrics_url"]))
    client = Client(options["http"])
    reader = PageReader(options["metrics"])

    def read(index: int, reply: Reply) -> Reading:
        if reply.status != 200:
            raise FetchError(f"answered with status {reply.status}")
        if reply.content_type not in METRICS_TYPES:
            raise FetchError(
                f"answered with {quoted(reply.content_type, 60)}, not a metrics page: check the metrics_url"
            )
        try:
            return reader.read(reply.body, clock(), instances[index].get("created_at"))
        except PageError as error:
            raise FetchError(str(error)) from error

    def ask() -> list[Answer]:
        results = client.fetch_all(urls, REQUEST, read)
        return [
            Answer(instance["name"], instance["state"], error=str(result))
            if isinstance(result, FetchError)
            else Answer(instance["name"], instance["state"], result)
            for instance, result in zip(instances, results, strict=True)
        ]

    return ask
