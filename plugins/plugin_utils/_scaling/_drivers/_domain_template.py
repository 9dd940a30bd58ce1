# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A libvirt domain for each instance, made from the user's XML with places such as ``{name}`` in it. Text in and out.

Places are filled in the texts and attributes of the tree, so that no value has to be escaped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._scaling._templates import fill

#: Of the element in a domain's metadata that makes it ours, and says whose it is.
NAMESPACE = "https://github.com/rlops/autoscale"
_MARK = f"{{{NAMESPACE}}}instance"

# The prefixes that are written; else they would be ns0 and so on.
ElementTree.register_namespace("autoscale", NAMESPACE)
ElementTree.register_namespace("qemu", "http://libvirt.org/schemas/domain/qemu/1.0")


class DomainTemplate:
    """The template of one pool."""

    def __init__(self, path: str) -> None:
        """Read and check it. Raises OptionError."""
        self._path = Path(path)
        try:
            self._text = self._path.read_text(encoding="utf-8")
            domain = self._tree()
        except (OSError, UnicodeError) as error:
            raise self.error(f"cannot be read: {quoted(error)}") from error
        except ElementTree.ParseError as error:
            raise self.error(f"is no XML: {error}") from error
        if domain.tag != "domain":
            raise self.error(f"is a <{quoted(domain.tag)}>; a <domain> is expected")
        if domain.find("uuid") is not None:
            raise self.error("has a <uuid>; take it out, for each machine gets its own")
        if any("{index}" not in mac.get("address", "") for mac in domain.iterfind("devices/interface/mac")):
            raise self.error("has a <mac> without {index}; take it out, for each machine needs its own")

    def error(self, what: str) -> OptionError:
        """What is wrong with it."""
        return OptionError("template", f"{self._path} {what}")

    def uses(self, place: str) -> bool:
        return f"{{{place}}}" in self._text

    @property
    def digest(self) -> str:
        """Another one if the template changes."""
        return hashlib.sha256(self._text.encode()).hexdigest()[:16]

    def domain(self, name: str, uuid: str, values: Mapping[str, object], mark: Mapping[str, str]) -> str:
        """The XML of one domain: the template with all values that it uses, and with our mark."""
        domain = self._tree()
        for element in domain.iter():
            element.text = fill(element.text or "", values)
            element.tail = fill(element.tail or "", values)
            for key, value in element.items():
                element.set(key, fill(value, values) or "")
        _child(domain, "name").text = name
        _child(domain, "uuid").text = uuid
        metadata = _child(domain, "metadata")
        for copied in metadata.findall(_MARK):  # the template was a domain of ours
            metadata.remove(copied)
        SubElement(metadata, _MARK, dict(mark))
        return ElementTree.tostring(domain, encoding="unicode")

    def _tree(self) -> Element:
        return ElementTree.fromstring(self._text)  # noqa: S314 - the user's own file


def overlay(name: str, base_image: str) -> str:
    """The XML of a volume that holds only what differs from its base image, and is as large."""
    volume = Element("volume")
    SubElement(volume, "name").text = name
    backing = SubElement(volume, "backingStore")
    SubElement(backing, "path").text = base_image
    SubElement(backing, "format", type="qcow2")
    SubElement(SubElement(volume, "target"), "format", type="qcow2")
    return ElementTree.tostring(volume, encoding="unicode")


def _child(parent: Element, tag: str) -> Element:
    """The child of that name, made if need be."""
    found = parent.find(tag)
    return SubElement(parent, tag) if found is None else found
