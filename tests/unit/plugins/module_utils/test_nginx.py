# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of an upstream; tests/integration/balancers has a real nginx."""

from __future__ import annotations

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.module_utils._nginx import Seen, Upstream, parse, place_of
from hypothesis import given
from hypothesis import strategies as st

addresses = st.ip_addresses().map(str) | st.sampled_from(["localhost", "chat-1.internal"])
places = st.builds(place_of, addresses, st.integers(1, 65535))
states = st.sampled_from(["ready", "drain"])
words = st.sampled_from(["", "max_fails=3", "max_fails=3 fail_timeout=5s", "weight=2"])


@given(
    st.dictionaries(places, states, max_size=5),
    st.lists(st.sampled_from(["least_conn", "server 10.0.0.9:80 backup"])),
    words,
)
def test_what_was_written_is_read_again(servers: dict[str, str], directives: list[str], options: str) -> None:
    assert parse(Upstream("chat", directives, options).render(servers)) == servers


def test_nobody_is_one_that_is_down() -> None:
    assert Upstream("chat", ["least_conn"]).render({}).splitlines()[1:] == [
        "upstream chat {",
        "    least_conn;",
        "    server 127.0.0.1:1 down; # nobody",
        "}",
    ]


@pytest.mark.parametrize("name", ["", "a b", "chat;", "chat {", "a\nb"])
def test_odd_names_are_refused(name: str) -> None:
    with pytest.raises(OptionError, match=r"^upstream: expected a name of letters, digits and _\.-, got"):
        Upstream(name)


@pytest.mark.parametrize("text", ["least_conn;", "least_conn } server {", "a\nb", "a # b"])
def test_what_would_be_more_than_a_directive_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"^directives: expected words such as least_conn, got"):
        Upstream("chat", [text])
    with pytest.raises(OptionError, match=r"^server_options: expected parameters of a server other than down"):
        Upstream("chat", (), text)


def test_down_is_not_the_users_to_say() -> None:
    with pytest.raises(OptionError, match=r"^server_options: expected parameters of a server other than down"):
        Upstream("chat", (), "weight=2 down")


@pytest.mark.parametrize(("address", "port"), [("", 80), ("a b", 80), ("a;b", 80), ("a{", 80), ("a", 0), ("a", 65536)])
def test_what_would_be_more_than_an_address_is_refused(address: str, port: int) -> None:
    with pytest.raises(OptionError, match=r"^address: expected an address and a port from 1 to 65535, got"):
        place_of(address, port)


def test_ipv6_addresses_are_in_brackets() -> None:
    assert place_of("2001:DB8:0::7", 80) == "[2001:db8::7]:80"


@pytest.mark.parametrize("master", [None, 7])
@pytest.mark.parametrize(
    ("text", "loaded", "state"),
    [
        ("ready", None, "ready"),
        ("drain", None, "drain"),
        (None, None, "absent"),
        # It is not known which of the two is loaded: it may get new connections if either says so.
        ("ready", "absent", "ready"),
        ("drain", "ready", "ready"),
        ("absent", "ready", "ready"),
        ("absent", "drain", "drain"),
        ("absent", "absent", "absent"),
    ],
)
def test_as_long_as_it_is_not_known_what_is_loaded_the_worse_counts(
    text: str | None, loaded: str | None, state: str, master: int | None
) -> None:
    def written(what: str | None) -> str | None:
        if what is None:
            return None
        return Upstream("chat").render({} if what == "absent" else {"10.0.0.7:80": what})

    row = Seen(written(text), written(loaded), master).row({"address": "10.0.0.7", "port": 80})
    assert row["state"] == state
    assert row["up"] is (state == "ready" and loaded is None and master is not None)
    assert bool(row["detail"]) is (state != "absent" and (loaded is not None or master is None))
