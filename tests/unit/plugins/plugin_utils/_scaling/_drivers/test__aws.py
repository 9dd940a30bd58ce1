# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What EC2's answers mean, and what the options of both backends refuse; the conformance suite has the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._backend import Context
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._base import Driver, Order
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._ec2 import Ec2Driver, named, rotated
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._ec2_group import Ec2GroupDriver
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._model import Reported

OURS = {"rlops.autoscale:cluster": "chat", "rlops.autoscale:pool": "cloud"}
DRIVERS: dict[type[Driver], dict[str, Any]] = {
    Ec2Driver: {"launch_template": {"name": "chat"}},
    Ec2GroupDriver: {"group": "chat-group"},
}


class Modules:
    """Answers for modules, in order; keeps what they were given."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.given: list[Mapping[str, Any]] = []

    def __call__(self, _module: str, arguments: Mapping[str, Any], _host: str | None = None) -> dict[str, Any]:
        self.given.append(arguments)
        return self.answers.pop(0)


def driver(
    kind: type[Driver], modules: Modules | None = None, cluster: str = "chat", name: str = "cloud", **options: Any
) -> Driver:
    defaults = {option: spec.get("default") for option, spec in kind.options.items()}
    given = {**defaults, "service_port": 8080, **DRIVERS[kind], **options}
    return kind(Context(cluster, name, given, run_module=modules or Modules()))


def described(index: int, state: str = "running", **facts: Any) -> dict[str, Any]:
    return {
        "instance_id": f"i-{index}",
        "state": {"name": state},
        "launch_time": f"2026-01-01T00:00:0{index}+00:00",
        "private_ip_address": f"10.0.0.{index}",
        "tags": {**OURS, "rlops.autoscale:index": str(index), "aws:autoscaling:groupName": "chat-group"},
        **facts,
    }


def seen(kind: type[Driver], *instances: dict[str, Any], **options: Any) -> list[Reported]:
    return driver(kind, Modules({"instances": list(instances)}), **options).status()


@pytest.mark.parametrize("kind", DRIVERS)
def test_an_instance_that_runs(kind: type[Driver]) -> None:
    (report,) = seen(kind, described(2, state_reason={"code": "pending", "message": "pending"}))
    name, index = ("chat-2", 2) if kind is Ec2Driver else ("i-2", 0)
    assert replace(report, outdated=False) == Reported(
        name, index, "cloud", address="10.0.0.2", port=8080, created_at=1767225602.0, uid="i-2"
    )


@pytest.mark.parametrize("kind", DRIVERS)
def test_an_instance_without_an_address_has_none(kind: type[Driver]) -> None:
    assert seen(kind, described(1, private_ip_address=""))[0].address is None
    reports = seen(kind, described(1), described(2, public_ip_address="192.0.2.7"), connect_to="public")
    assert [report.address for report in reports] == [None, "192.0.2.7"]


@pytest.mark.parametrize("kind", DRIVERS)
@pytest.mark.parametrize(
    ("code", "running", "reason"),
    [
        ("Client.UserInitiatedShutdown", True, None),
        (None, True, None),
        ("Client.InternalError", False, "Client error\x1b on launch"),
        ("Server.SpotInstanceTermination", False, "Spot instance termination"),
    ],
)
def test_what_ends_was_asked_to_or_has_failed(
    kind: type[Driver], code: str | None, running: bool, reason: str | None
) -> None:
    why = {"code": code, "message": reason} if code else None
    (report,) = seen(kind, described(1, "shutting-down", state_reason=why))
    assert (report.running, report.stopping) == (running, running)
    assert report.reason == (None if running else str(reason).replace("\x1b", " "))


@pytest.mark.parametrize("state", ["stopping", "stopped"])
def test_what_is_stopped_is_kept(state: str) -> None:
    (report,) = seen(Ec2Driver, described(1, state))
    assert (report.running, report.paused, report.stopping) == (True, True, False)


@pytest.mark.parametrize(
    ("kind", "tags"),
    [
        (Ec2Driver, {**OURS, "rlops.autoscale:cluster": "chat2"}),
        (Ec2Driver, {**OURS, "rlops.autoscale:pool": "far"}),
        (Ec2Driver, {}),
        (Ec2GroupDriver, {"aws:autoscaling:groupName": "chat"}),
    ],
)
def test_what_is_not_ours_is_not_reported(kind: type[Driver], tags: dict[str, str]) -> None:
    assert seen(kind, described(1, tags=tags)) == []


def test_names_come_from_the_tag_of_the_index() -> None:
    instances = [
        described(1, tags={**OURS, "rlops.autoscale:index": "7", "Name": "renamed by a person"}),
        described(2, tags={**OURS, "rlops.autoscale:index": "7"}),
        *(described(3 + n, tags={**OURS, "rlops.autoscale:index": tag}) for n, tag in enumerate(["0", "x", "²", ""])),
        described(8, tags=OURS),
    ]
    names = named("chat", instances[::-1])
    assert names.pop("i-1") == ("chat-7", 7)
    assert names == {f"i-{n}": (f"i-{n}", 0) for n in (2, 3, 4, 5, 6, 8)}


def test_what_ends_leaves_its_name_to_another() -> None:
    tags = {**OURS, "rlops.autoscale:index": "7"}
    names = named("chat", [described(1, "shutting-down", tags=tags), described(2, "pending", tags=tags)])
    assert names == {"i-2": ("chat-7", 7), "i-1": ("i-1", 0)}


def test_what_runs_with_older_settings_is_told() -> None:
    modules = Modules({"launched": {}})
    driver(Ec2Driver, modules).start([Order("chat-1", 1)])
    tags = {**OURS, **modules.given[0]["launch"][0]["tags"]}

    def outdated(**options: Any) -> bool:
        return seen(Ec2Driver, described(1, tags=tags), **options)[0].outdated

    assert not outdated()
    assert not outdated(launch_template={"name": "chat", "id": None, "version": None}, subnet_ids=["subnet-9"])
    assert outdated(launch_template={"name": "chat", "version": "2"})
    assert outdated(user_data="#!/bin/sh")
    assert outdated(tags={"team": "chat"})


def test_subnets_take_turns() -> None:
    assert [rotated(["a", "b", "c"], by) for by in (0, 1, 5)] == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"]]
    assert rotated([], 3) == []


def test_only_what_ec2_has_shown_is_stopped_by_its_id() -> None:
    modules = Modules({"terminated": ["i-1"]}, {"failed": True, "refused": {"i-1": "OperationNotPermitted: no"}})
    pool = driver(Ec2Driver, modules)
    instances = [Reported("chat-1", 1, "cloud", uid="i-1"), Reported("chat-2", 2, "cloud", running=False)]
    pool.stop(instances)
    with pytest.raises(AutoscaleError, match=r"^chat-1: OperationNotPermitted: no$"):
        pool.stop(instances, kill=True)
    assert modules.given == [{"terminate": ["i-1"]}] * 2


def test_those_that_are_refused_are_named() -> None:
    failed = {"failed": True, "msg": "all of it", "refused": {"chat-2": "VcpuLimitExceeded: no\nmore"}}
    assert driver(Ec2Driver, Modules(failed)).start([Order("chat-1", 1), Order("chat-2", 2)]) == {
        "chat-2": "VcpuLimitExceeded: no more"
    }
    failed = {"failed": True, "msg": "it does not answer", "refused": {}}
    with pytest.raises(AutoscaleError, match=r"^ec2_instances: it does not answer$"):
        driver(Ec2Driver, Modules(failed)).start([Order("chat-1", 1)])


def test_a_group_is_told_a_count_and_who_goes() -> None:
    modules = Modules({"capacity": 2}, {"capacity": 3})
    group = driver(Ec2GroupDriver, modules, region="eu-central-1")
    group.expect(2)
    group.stop([Reported("i-1", 1, "cloud", uid="i-1"), Reported("chat#4", 4, "cloud", running=False)], kill=True)
    group.expect(3)
    assert group.start([Order("chat#5", 5)]) == {}
    place = {"name": "chat-group", "region": "eu-central-1"}
    assert modules.given == [
        {**place, "capacity": 2, "terminate": ["i-1"]},
        {**place, "capacity": 3, "terminate": []},
    ]


def test_the_last_orders_are_those_that_a_group_has_no_room_for() -> None:
    refused = {"failed": True, "msg": "the group allows 4", "max_size": 4}
    modules = Modules(refused, {"capacity": 4})
    group = driver(Ec2GroupDriver, modules)
    group.expect(5)
    orders = [Order("chat#4", 4), Order("chat#5", 5)]
    assert group.start(orders) == {"chat#5": "the group allows 4"}
    assert [given["capacity"] for given in modules.given] == [5, 4]
    group = driver(Ec2GroupDriver, Modules(refused, {"capacity": 4}))
    group.expect(7)
    assert group.start(orders).keys() == {"chat#4", "chat#5"}
    # Any other failure is one of the whole pool.
    group = driver(Ec2GroupDriver, Modules({"failed": True, "msg": "too small", "max_size": 4}))
    with pytest.raises(AutoscaleError, match=r"^ec2_group_capacity: too small$"):
        group.start(orders)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (Ec2Driver, {"service_port": 0}, "service_port: expected a port from 1 to 65535, got 0"),
        (Ec2GroupDriver, {"endpoint_url": "moto"}, "endpoint_url: expected an http:// or https:// URL, got moto"),
        (Ec2Driver, {"cluster": "ch*t"}, r"cluster: expected no \*, \? and \\, .* got ch\*t"),
        (Ec2Driver, {"name": "clou?"}, r"name: expected no \*, "),
        (Ec2GroupDriver, {"group": "*"}, r"group: expected no \*, "),
        (Ec2Driver, {"launch_template": None, "image_id": "ami-1"}, "launch_template: expected a launch template, or "),
        (Ec2Driver, {"tags": {"Name": "x"}}, "tags: expected keys other than Name and .* got Name"),
        (Ec2Driver, {"tags": {"rlops.autoscale:pool": "x"}}, "tags: expected keys other than Name and "),
    ],
)
def test_bad_settings_are_refused_by_name(kind: type[Driver], options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=f"^{message}"):
        driver(kind, **options)
