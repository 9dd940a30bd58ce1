# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Source ``prometheus``: one PromQL query for each figure, over the HTTP API."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any
from urllib.parse import urlencode, urlsplit

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.module_utils._http import Client, FetchError, Reply, Request, check_url
from ansible_collections.rlops.autoscale.plugins.module_utils._load import Figure, Load, imbalance
from ansible_collections.rlops.autoscale.plugins.module_utils._reading import LARGEST

#: Values of one query by instance label; the key is "" where a sample has no such label.
Values = dict[str, float]
#: Values by cluster; the key is "" where only one is asked about.
Shares = dict[str, Values]

NO_SAMPLE = "Prometheus has no sample for the query"


def ask_prometheus(instances: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> tuple[Load, Figure]:
    """The load as Prometheus knows it, and the age in s of its newest sample, or why that is not known.

    A query may give one sample, which is the cluster's figure, or one an instance.
    """
    return _load_and_age(instances, _share("", _ask(queries_of(options), options, None)))


class Together:
    """Asks for many clusters at once: each figure is queried once for all that share a server, metrics and settings.

    `ask` is for each of them what `ask_prometheus` is for one. `prometheus.cluster_label` is what tells them apart;
    whoever has none, or queries of a person's own, is asked about alone. A server that did not answer is not asked
    again.
    """

    def __init__(self) -> None:
        self._answers: dict[str, tuple[float, dict[str, Shares | FetchError]]] = {}

    def ask(self, instances: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> tuple[Load, Figure]:
        """The load of the cluster `options["cluster"]` and the age of the figures."""
        settings = options["prometheus"]
        label = settings["cluster_label"]
        if not label or any((settings["queries"] or {}).values()):
            return ask_prometheus(instances, options)
        key = json.dumps([options["metrics"], settings, options["http"]], sort_keys=True)
        if key not in self._answers:
            answers = _ask(default_queries(options["metrics"], settings, label), options, label)
            self._answers[key] = (time.monotonic(), answers)
        asked_at, answers = self._answers[key]
        load, age = _load_and_age(instances, _share(options["cluster"], answers))
        return load, age if isinstance(age, str) else age + time.monotonic() - asked_at


def _ask(
    queries: Mapping[str, str], options: Mapping[str, Any], cluster_label: str | None
) -> dict[str, Shares | FetchError]:
    """The answer to each query."""
    settings, fields = options["prometheus"], list(queries)
    if not settings["url"]:
        raise OptionError("prometheus.url", "source=prometheus needs the URL of the server, like http://host:9090")
    base = check_url("prometheus.url", settings["url"]).rstrip("/")

    def read(index: int, reply: Reply) -> Shares:
        return _values(fields[index], reply, settings["instance_label"], cluster_label)

    urls = [f"{base}/api/v1/query?{urlencode({'query': query})}" for query in queries.values()]
    request = Request(accept="application/json")
    return dict(zip(fields, Client(options["http"]).fetch_all(urls, request, read), strict=True))


def _share(cluster: str, replies: Mapping[str, Shares | FetchError]) -> dict[str, Values | FetchError]:
    """What is one cluster's of the answers."""
    return {
        field: reply if isinstance(reply, FetchError) else reply.get(cluster, {}) for field, reply in replies.items()
    }


def _load_and_age(
    instances: Sequence[Mapping[str, Any]], replies: Mapping[str, Values | FetchError]
) -> tuple[Load, Figure]:
    age = _age(replies.get("age", {}))
    return _load(instances, {field: reply for field, reply in replies.items() if field != "age"}), age


def unsampled(load: Load, options: Mapping[str, Any]) -> list[str]:
    """The metrics, by their field in `metrics`, of which Prometheus has no sample, though it has of others.

    Those that give a sample without traffic, too. What a person asks for by a query of their own is not among them.
    """
    if not load.answered:
        return []
    metrics, own = options["metrics"], options["prometheus"]["queries"] or {}
    sources = (  # query, figure, metric
        ("queue_depth", "queue_depth", "queue_depth"),
        ("eventloop_lag", "eventloop_lag_s", "eventloop_lag"),
        ("utilisation", "utilisation", "utilisation"),
        ("completion_rate", "completion_rate", "completions" if metrics["completions"]["name"] else "latency"),
        ("arrival_rate", "arrival_rate", "arrivals"),
    )
    return [metric for query, figure, metric in sources if not own.get(query) and load.figures[figure] == NO_SAMPLE]


def queries_of(options: Mapping[str, Any]) -> dict[str, str]:
    """PromQL by figure for one cluster: the default one unless a person has given another."""
    settings = options["prometheus"]
    own = {settings["cluster_label"]: options["cluster"]} if settings["cluster_label"] else {}
    queries = default_queries(options["metrics"], {**settings, "labels": {**own, **(settings["labels"] or {})}})
    return queries | {field: query for field, query in (settings["queries"] or {}).items() if query}


def default_queries(
    metrics: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Any], cluster_label: str | None = None
) -> dict[str, str]:
    """PromQL by figure, for the metrics that have a name. Gauges and rates are asked for by instance, and all of it by
    cluster where `cluster_label` names them."""
    window = f"[{round(settings['window'] * 1000)}ms]"
    cluster = [cluster_label] if cluster_label else []
    by = _by(*cluster, settings["instance_label"])
    whole = _by(*cluster)

    def series(field: str, suffix: str = "") -> str:
        metric = metrics[field]
        return f"{metric['name']}{suffix}{_selector((settings['labels'] or {}) | (metric['labels'] or {}))}"

    def gauge(field: str) -> str:
        aggregation = {"mean": "avg"}.get(metrics[field]["aggregation"], metrics[field]["aggregation"])
        return f"{aggregation} {by} ({series(field)}) * {metrics[field]['scale']}"

    def rate(field: str, suffix: str = "") -> str:
        return f"sum {by} (rate({series(field, suffix)}{window}))"

    gauges = ("queue_depth", "eventloop_lag", "utilisation")
    queries = {field: gauge(field) for field in gauges if metrics[field]["name"]}
    if metrics["latency"]["name"]:
        buckets, total, count = (f"rate({series('latency', s)}{window})" for s in ("_bucket", "_sum", "_count"))
        scale = metrics["latency"]["scale"]
        queries["p99_latency"] = f"histogram_quantile(0.99, sum {_by(*cluster, 'le')} ({buckets})) * {scale}"
        queries["mean_latency"] = f"sum {whole} ({total}) / sum {whole} ({count}) * {scale}"
        queries["completion_rate"] = rate("latency", "_count")
    if metrics["completions"]["name"]:
        queries["completion_rate"] = rate("completions")
    if metrics["arrivals"]["name"]:
        queries["arrival_rate"] = rate("arrivals")
    elif "completion_rate" in queries:
        completed = queries["completion_rate"]
        queries["arrival_rate"] = completed
        if metrics["queue_depth"]["name"]:
            growth = f"sum {by} (deriv({series('queue_depth')}{window})) * {metrics['queue_depth']['scale']}"
            queries["arrival_rate"] = f"{completed} + ({growth} or {completed} * 0)"
    found = [
        f"max {whole} (timestamp({series(field, suffix)}))"
        for field, suffix in (("queue_depth", ""), ("eventloop_lag", ""), ("latency", "_count"), ("completions", ""))
        if metrics[field]["name"]
    ]
    if found:
        queries["age"] = f"time() - ({' or '.join(found)})"
    return queries


def _by(*labels: str) -> str:
    return f"by ({', '.join(labels)})"


def _selector(labels: Mapping[str, Any]) -> str:
    matchers = []
    for label, wanted in labels.items():
        text = str(wanted)
        operator, value = ("=~", text[1:]) if text.startswith("~") else ("=", text)
        matchers.append(f"{label}{operator}{json.dumps(value, ensure_ascii=False)}")
    return "{" + ",".join(matchers) + "}" if matchers else ""


def data_of(option: str, reply: Reply) -> dict[str, Any]:
    """The data of an answer of the HTTP API: {resultType, result}. OptionError where it refuses the option's query."""
    try:
        answer = json.loads(reply.body)
        if answer["status"] == "success":
            data: dict[str, Any] = answer["data"]
            return data
        message, refused = quoted(answer["error"]), answer["errorType"] == "bad_data"
    except (KeyError, TypeError, ValueError) as error:
        raise unlike_prometheus(reply) from error
    if refused:
        raise OptionError(option, f"Prometheus refuses the query: {message}")
    raise FetchError(f"Prometheus answered: {message}")


def unlike_prometheus(reply: Reply) -> FetchError:
    """What to say of an answer that Prometheus would not give."""
    content = quoted(reply.content_type, 60) or "no content type"
    return FetchError(
        f"answered with status {reply.status} and {content}, not as Prometheus' API does: check prometheus.url"
    )


def _values(field: str, reply: Reply, instance_label: str, cluster_label: str | None) -> Shares:
    """Samples of an instant query; NaN, Inf and what is absurdly large are none."""
    data = data_of(f"prometheus.queries.{field}", reply)
    try:
        if data["resultType"] == "scalar":
            samples: list[tuple[dict[str, str], str]] = [({}, data["result"][1])]
        else:
            samples = [(sample["metric"], sample["value"][1]) for sample in data["result"]]
        values = [
            ((str(labels.get(cluster_label or "", "")), str(labels.get(instance_label, ""))), float(value))
            for labels, value in samples
        ]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise unlike_prometheus(reply) from error
    if len(values) > len(dict(values)):
        raise OptionError(
            f"prometheus.queries.{field}", f"expected one sample, or one for each label {instance_label}; aggregate it"
        )
    shares: Shares = {}
    for (cluster, label), value in values:
        if abs(value) <= LARGEST:
            shares.setdefault(cluster, {})[label] = value
    return shares


def _age(ages: Values | FetchError) -> Figure:
    """The age of the newest sample, or why it is not known."""
    if isinstance(ages, dict) and ages:
        return max(0.0, *ages.values())
    why = NO_SAMPLE if isinstance(ages, dict) else str(ages)
    return f"{why} (prometheus.queries.age)"


def _load(instances: Sequence[Mapping[str, Any]], replies: Mapping[str, Values | FetchError]) -> Load:
    known = {label: instance for instance in instances for label in _labels_of(instance)}
    seen = sorted({label for values in replies.values() if isinstance(values, dict) for label in values} - {""})
    matched = {known[label]["name"] for label in seen if label in known}
    draining = {label for label, instance in known.items() if instance["state"] == "draining"}

    def figure(field: str, combine: Callable[[Iterable[float]], float], without: Iterable[str] = ()) -> Figure:
        values = replies.get(field)
        if values is None:
            return f"no metric and no query is given for {field}"
        if isinstance(values, FetchError):
            return str(values)
        chosen = [value for label, value in values.items() if label not in without]
        return combine(chosen) if chosen else NO_SAMPLE

    def of(field: str, label: str) -> float | None:
        values = replies.get(field)
        return values.get(label) if isinstance(values, dict) else None

    arrivals = figure("arrival_rate", sum)
    ready = sum(instance["state"] == "ready" for instance in instances)
    if matched:
        expected = ready
        answered = sum(instance["state"] == "ready" and instance["name"] in matched for instance in instances)
    else:
        any_sample = any(values for values in replies.values() if isinstance(values, dict))
        expected = max(ready, len(seen)) or int(any_sample)
        answered = len(seen) or (expected if any_sample else 0)
    figures: dict[str, Figure] = {
        "p99_latency_s": figure("p99_latency", max),
        "mean_latency_s": figure("mean_latency", max),
        "queue_depth": figure("queue_depth", fmean, draining),
        "queue_total": figure("queue_depth", sum),
        "eventloop_lag_s": figure("eventloop_lag", max),
        "arrival_rate": arrivals if isinstance(arrivals, str) else max(0.0, arrivals),
        "completion_rate": figure("completion_rate", sum),
        "utilisation": figure("utilisation", fmean, draining),
        "imbalance": imbalance(
            max(0.0, value)
            for label in seen
            if label not in draining and (value := of("arrival_rate", label)) is not None
        ),
    }
    rows = [
        {
            "name": known[label]["name"] if label in known else label,
            "state": known[label]["state"] if label in known else "ready",
            "ok": True,
            "error": None,
            "p99_latency_s": of("p99_latency", label),
            "queue_depth": of("queue_depth", label),
            "eventloop_lag_s": of("eventloop_lag", label),
            "completion_rate": of("completion_rate", label),
            "utilisation": of("utilisation", label),
        }
        for label in seen
    ]
    return Load(figures, rows, expected, answered, compared=answered)


def _labels_of(instance: Mapping[str, Any]) -> set[str]:
    """What Prometheus may call this instance."""
    labels = {instance["name"]}
    if instance.get("metrics_url"):
        labels.add(urlsplit(instance["metrics_url"]).netloc.rpartition("@")[2])
    if instance.get("address") and instance.get("port"):
        labels.add(f"{instance['address']}:{instance['port']}")
    return labels
