# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the agent remembers between runs: one small document per key, wherever it is kept.

Each key has two slots, `even` and `odd`. Generation n is written into slot n % 2, so the generation before it stays
untouched in the other slot until the new one is safe: a writer killed at any moment, or a damaged slot, costs at most
one generation. Readers need no lock: they take the newer of the two.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError, quoted
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._document import (
    Damaged,
    Document,
    canonical,
    decode,
    encode,
    plain_copy,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._state._lock import LOCK_TIMEOUT_S

_SLOTS = ("even", "odd")
_PLAIN_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


class StateBusy(AutoscaleError):  # noqa: N818 - a state of affairs, told as such
    """Another process held the lock of the key for too long."""


@dataclass(frozen=True)
class Record:
    """What is stored under a key: {} and generation 0 if nothing is; `notes` say what was damaged or is missing."""

    data: dict[str, Any]
    generation: int
    notes: list[str] = field(default_factory=list)


class Medium(Protocol):
    """A place that keeps texts under short, safe names."""

    location: str
    """What and where it is, for messages."""
    shared: bool
    """Whether all clusters see the same texts."""

    def read(self, name: str) -> str | None:
        """The text, None if there is none. Damaged if there is anything else; AutoscaleError if the place does not
        answer. Changes nothing and never waits for a writer."""

    def write(self, name: str, text: str) -> None:
        """Replace the text, whole or not at all. When this returns, the text is safe; AutoscaleError if it is not."""

    def set_aside(self, name: str, suffix: str) -> str:
        """Move what is damaged out of the way, and keep it for a person to look at. Returns what became of it."""

    def exclusive(self, key: str, timeout_s: float) -> contextlib.AbstractContextManager[None]:
        """The right to write both slots of a key (a safe name), held by one writer at a time. TimeoutError if others
        have it for `timeout_s` seconds."""


class Transaction:
    """The exclusive right to write one key."""

    def __init__(self, record: Record, commit: Callable[[Transaction], None]) -> None:
        self.record = record
        """What was found; once the block has ended, what is stored."""
        self.pending: dict[str, Any] | None = None
        """What will be stored when the block ends without an error."""
        self._commit = commit

    def write(self, data: dict[str, Any]) -> None:
        """Let `data` be the next generation. AutoscaleError at once if it is not plain JSON."""
        self.pending = plain_copy(data)

    def write_now(self, data: dict[str, Any]) -> None:
        """Store `data` at once: what is intended is safe before it is done, whatever becomes of the block.

        Raises AutoscaleError if it is not plain JSON, or cannot be stored.
        """
        self.write(data)
        self._commit(self)


class Store:
    """Documents in a medium. `clock` gives unix seconds; it dates what is set aside. `caution` tells people why what is
    stored will not be there at the next run, if so."""

    def __init__(
        self,
        medium: Medium,
        lock_timeout: float = LOCK_TIMEOUT_S,
        clock: Callable[[], float] = time.time,
        *,
        caution: str | None = None,
        facts: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        self.location = medium.location
        self.caution = caution
        self._facts = facts
        self._written = False
        self.shared = medium.shared
        self._medium = medium
        self._lock_timeout = lock_timeout
        self._clock = clock

    def facts(self) -> dict[str, Any]:
        """What a task that has written has to return as facts, where they are the medium before ansible-core 2.19."""
        return self._facts() if self._facts and self._written else {}

    def read(self, key: str) -> Record:
        """What is stored under the key now. Waits for nobody and changes nothing; damage is told in the notes."""
        found = self._find(key)
        return found.record([f"is damaged ({reason})" for reason in found.damaged.values()])

    @contextlib.contextmanager
    def transaction(self, key: str) -> Iterator[Transaction]:
        """The right to write the key, for the length of a `with` block.

        What `write` was given last becomes the next generation when the block ends; nothing is stored if the block
        raises, or if the data is what is stored already. Damaged copies are set aside at the start.
        Raises StateBusy if others hold the key for `lock_timeout` seconds, AutoscaleError if it cannot be stored.
        """
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._medium.exclusive(safe_name(key), self._lock_timeout))
            except TimeoutError:
                raise StateBusy(
                    f"the state of {quoted(key)} is in use by another process (waited {self._lock_timeout:g} s)"
                ) from None
            except OSError as error:
                raise AutoscaleError(f"state cannot be locked in {self.location}: {error.strerror}") from error
            transaction = Transaction(self._find_and_clean(key), functools.partial(self._commit, key))
            yield transaction
            self._commit(key, transaction)

    def _find(self, key: str) -> _Found:
        found = self._look(key)
        # Without the lock, a slot may be looked at just before it is filled for the first time, and the other slot
        # when it is already a generation ahead: only what is missing at a second look is missing.
        return self._look(key) if found.missing else found

    def _look(self, key: str) -> _Found:
        sound: list[Document] = []
        damaged: dict[str, str] = {}
        for slot in range(len(_SLOTS)):
            name = _slot_name(key, slot)
            try:
                text = self._medium.read(name)
                if text is not None:
                    sound.append(decode(text, key))
            except Damaged as finding:
                damaged[name] = str(finding)
        newest = max(sound, key=lambda document: document.generation, default=Document(key, 0, {}))
        # From the second generation on both slots are filled, whenever a writer is killed.
        missing = newest.generation > 1 and len(sound) + len(damaged) < len(_SLOTS)
        return _Found(newest, damaged, missing)

    def _find_and_clean(self, key: str) -> Record:
        found = self._find(key)
        suffix = time.strftime("corrupt-%Y%m%dT%H%M%SZ", time.gmtime(self._clock()))
        fates = {name: self._medium.set_aside(name, suffix) for name in found.damaged}
        return found.record([f"was damaged ({found.damaged[name]}) and {fate}" for name, fate in fates.items()])

    def _commit(self, key: str, transaction: Transaction) -> None:
        record, data = transaction.record, transaction.pending
        if data is None or canonical(data) == canonical(record.data):
            return
        generation = record.generation + 1
        self._medium.write(_slot_name(key, generation), encode(Document(key, generation, data)))
        self._written = True
        transaction.record = Record(data, generation, record.notes)


@dataclass(frozen=True)
class _Found:
    """The newest sound document (generation 0 if there is none), slot name -> reason of the damaged ones, and whether
    one that must have been there is missing."""

    newest: Document
    damaged: dict[str, str]
    missing: bool

    def record(self, findings: list[str]) -> Record:
        """The record of the newest document; `findings` and a missing copy become its notes."""
        if self.missing:
            findings = [*findings, "is missing"]
        generation = self.newest.generation
        used = f"generation {generation} is used" if generation else "no other is left, so the agent starts anew"
        notes = [f"a copy of the state of {quoted(self.newest.key)} {finding}: {used}" for finding in findings]
        return Record(self.newest.data, generation, notes)


def safe_name(key: str) -> str:
    """A file name for any key, different for different keys even where file names ignore case.

    Plain keys (lower case, digits, dot, dash, underscore) stay as they are; others become a readable remnant, `@`
    (which no plain key has) and a hash.
    """
    if _PLAIN_KEY.fullmatch(key):
        return key
    remnant = re.sub(r"[^a-z0-9_-]+", "-", key.lower())[:40]
    return f"{remnant}@{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _slot_name(key: str, generation: int) -> str:
    return f"{safe_name(key)}.{_SLOTS[generation % 2]}"
