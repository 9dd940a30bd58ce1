# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a domain template is filled with, and which templates are refused."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._drivers._domain_template import (
    NAMESPACE,
    DomainTemplate,
    overlay,
)

MARK = f"metadata/{{{NAMESPACE}}}instance"


def template(folder: Path, text: str) -> DomainTemplate:
    path = folder / "domain.xml"
    path.write_text(text)
    return DomainTemplate(str(path))


def filled(folder: Path, text: str, **values: object) -> ElementTree.Element:
    """The domain chat-1 of a template."""
    made = template(folder, text).domain("chat-1", "57331614", {"name": "chat-1", **values}, {"index": "1"})
    return ElementTree.fromstring(made)


def test_values_are_filled_in_as_text_wherever_they_stand(tmp_path: Path) -> None:
    hostile = """<a b="c">&amp;'{name}"""
    text = '<domain><title a="{disk}">{name} {disk}</title>{disk}<os><cmdline>{other} { name }</cmdline></os></domain>'
    domain = filled(tmp_path, text, disk=hostile)
    title = domain.find("title")
    assert title is not None
    assert (title.attrib, title.text, title.tail) == ({"a": hostile}, f"chat-1 {hostile}", hostile)
    assert domain.findtext("os/cmdline") == "{other} { name }"


def test_name_uuid_and_mark_are_put_in(tmp_path: Path) -> None:
    domain = filled(tmp_path, "<domain><name>dumped</name></domain>")
    assert [child.tag for child in domain] == ["name", "uuid", "metadata"]
    assert (domain.findtext("name"), domain.findtext("uuid")) == ("chat-1", "57331614")
    mark = domain.find(MARK)
    assert mark is not None
    assert mark.attrib == {"index": "1"}


def test_the_mark_stands_beside_the_metadata_of_others_and_in_place_of_an_older_one(tmp_path: Path) -> None:
    others = '<os xmlns="http://libosinfo.org/xmlns/libvirt/domain/1.0" id="debian"/>'
    old = f'<a:instance xmlns:a="{NAMESPACE}" index="7"/>'
    domain = filled(tmp_path, f"<domain><metadata>{others}{old}</metadata></domain>")
    assert [mark.attrib for mark in domain.findall(MARK)] == [{"index": "1"}]
    assert domain.find("metadata/{http://libosinfo.org/xmlns/libvirt/domain/1.0}os") is not None


def test_namespaces_keep_their_usual_prefixes(tmp_path: Path) -> None:
    qemu = "http://libvirt.org/schemas/domain/qemu/1.0"
    text = f'<?xml version="1.0" encoding="UTF-8"?><domain xmlns:q="{qemu}"><q:commandline/></domain>'
    made = template(tmp_path, text).domain("chat-1", "57331614", {}, {})
    assert "<qemu:commandline" in made
    assert "<autoscale:instance" in made


def test_a_disk_is_over_its_base_image() -> None:
    volume = ElementTree.fromstring(overlay("chat-1.qcow2", "/images/a & b.qcow2"))
    assert volume.findtext("name") == "chat-1.qcow2"
    assert volume.findtext("backingStore/path") == "/images/a & b.qcow2"
    assert [form.get("type") for form in volume.iter("format")] == ["qcow2", "qcow2"]


def test_another_text_has_another_digest(tmp_path: Path) -> None:
    first, second, again = (template(tmp_path, f"<domain>{text}</domain>").digest for text in ("a", "b", "a"))
    assert first == again != second


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<domain><name></domain>", "is no XML: mismatched tag: line 1, column 16"),
        ("", "is no XML: no element found: line 1, column 0"),
        ("<network/>", "is a <network>; a <domain> is expected"),
        ("<domain><uuid>1</uuid></domain>", "has a <uuid>; take it out, for each machine gets its own"),
        (
            '<domain><devices><interface><mac address="52:54:00:00:00:01"/></interface></devices></domain>',
            "has a <mac> without {index}; take it out, for each machine needs its own",
        ),
    ],
)
def test_what_can_make_no_machines_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(OptionError) as raised:
        template(tmp_path, text)
    assert str(raised.value) == f"template: {tmp_path}/domain.xml {message}"


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"^template: \S+/domain.xml cannot be read: .*No such file"):
        DomainTemplate(str(tmp_path / "domain.xml"))


def test_a_mac_address_may_have_the_index_in_it(tmp_path: Path) -> None:
    text = '<domain><devices><interface><mac address="52:54:00:00:00:0{index}"/></interface></devices></domain>'
    mac = filled(tmp_path, text, index=3).find("devices/interface/mac")
    assert mac is not None
    assert mac.get("address") == "52:54:00:00:00:03"
