# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The newest values of something measured at each tick, and the arrival rates of the last day or so, packed small."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Self

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, Ints, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._packing import pack, unpack

#: Rates are kept to 1/256 octave, at most 0.14 per cent beside the measured one: scrapes are far noisier.
STEPS_PER_OCTAVE = 256
#: Ticks that are late or early move the ends of slots by this share of the difference.
PULL = 0.2
#: This season's level over the last one's is taken within these bounds.
LEAST_RATIO, MOST_RATIO = 0.3, 3.0
#: Rates from 2^-64 to 2^64 per second can be kept.
OCTAVES = 64


class Window:
    """The last `size` values. They lie at the end of a buffer that is moved back when it is full."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._buffer: Floats = np.zeros(2 * size)
        self._end = 0
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, value: float) -> None:
        if self._end == len(self._buffer):
            self._buffer[: self.size] = self._buffer[-self.size :]
            self._end = self.size
        self._buffer[self._end] = value
        self._end += 1
        self._length = min(self._length + 1, self.size)

    def replace(self, values: Floats) -> None:
        """Hold the newest of these values instead."""
        kept = values[-self.size :]
        self._buffer[: len(kept)] = kept
        self._end = self._length = len(kept)

    def last(self, count: int, ago: int = 0) -> Floats:
        """The `count` values (fewer where there are not so many) that were the newest `ago` ticks ago, oldest first.

        A view: not to be changed.
        """
        end = self._end - ago
        start = max(end - count, self._end - self._length)
        return self._buffer[start : max(end, start)]

    def at(self, ago: Ints) -> Floats:
        """The values at so many ticks ago (array of ints, each below the length)."""
        return self._buffer[self._end - 1 - ago]


@lru_cache(maxsize=8)
def slope_weights(count: int) -> Floats:
    """Weights of the least-squares slope of so many values, a tick apart, oldest first."""
    places = np.arange(count) - (count - 1) / 2.0
    return np.asarray(places / (places @ places))


def level_ratio(level: float, then: float) -> float:
    """This season's level over that of the last one, as far as it is believed."""
    return min(max(level / then, LEAST_RATIO), MOST_RATIO) if then > 0.0 else 1.0


class History(Window):
    """Slots of `interval` seconds that follow each other; the newest one ended at `ended`, in unix seconds or so."""

    def __init__(self, interval: float, size: int) -> None:
        """An empty history that remembers the rates of `size` slots."""
        super().__init__(size)
        self.interval = interval
        self.guessed = Window(size)  # 1 for each slot that nobody measured in full, else 0
        self.slot = 0  # how many there have been
        self.ended = 0.0

    def append(self, value: float, guessed: bool = False) -> None:
        """The rate of the next slot, measured or `guessed`."""
        super().append(float(_levels()[_code(value)]))
        self.guessed.append(float(guessed))
        self.slot += 1

    def extend(self, rates: Sequence[float], guessed: bool = False) -> None:
        """Append rates as `until` gives them: all but the last one are guessed, and that is where it says so."""
        for place, rate in enumerate(rates, start=1):
            self.append(rate, guessed or place < len(rates))

    def replace(self, values: Floats) -> None:
        """See Window.replace. All of them are taken to be measured."""
        super().replace(values)
        self.guessed.replace(np.zeros(len(self)))

    def fill(self, rates: Sequence[float], end: float) -> None:
        """Append these rates, the last one until `end`. What is NaN was not measured, and is interpolated."""
        values = np.array(rates, dtype=float)
        missing = np.isnan(values)
        if len(values) and not missing.all():
            places = np.arange(len(values))
            values = np.interp(places, places[~missing], values[~missing])
            for rate, guessed in zip(values.tolist(), missing.tolist(), strict=True):
                self.append(rate, guessed)
        self.ended = end

    def until(self, now: float, rate: float) -> list[float]:
        """The rates to append for the slots since the newest, up to that which ends now with this rate.

        Slots that nobody measured are interpolated. There is none where less than half an interval has passed. After
        longer than it remembers, the history starts anew; where the clock was set back, it goes on from there.
        """
        passed = round((now - self.ended) / self.interval)
        if passed > self.size:
            self.replace(np.zeros(0))
        if not len(self) or passed < 0:
            self.ended = now
            return [rate]
        if passed:
            self.ended += passed * self.interval
            self.ended += PULL * (now - self.ended)
        newest = float(self.last(1)[0])
        return [newest + (rate - newest) * place / passed for place in range(1, passed + 1)]

    def to_plain(self) -> dict[str, Any]:
        """Plain data, 2.7 bytes a slot or less; see `read`."""
        codes, guessed = np.searchsorted(_levels(), self.last(self.size)), self.guessed.last(self.size)
        plain = {"interval": self.interval, "slot": self.slot, "ended": self.ended, "rates": pack(codes, "<u2")}
        return {**plain, "guessed": pack(np.packbits(guessed > 0.0), "<u1")} if guessed.any() else plain

    def recall(self, plain: Mapping[str, Any] | None) -> Self:
        """Read what `to_plain` wrote; where there is nothing, or it is damaged, the history stays empty."""
        try:
            return self.read(plain or {})
        except (AutoscaleError, KeyError, TypeError, ValueError):
            return self

    def read(self, plain: Mapping[str, Any]) -> Self:
        """Read what `to_plain` wrote. Rates of another interval are brought to this one.

        Raises AutoscaleError, or what Python raises for values of other kinds, where it is damaged.
        """
        levels, interval, written = _levels(), self.interval, plain["interval"]
        slot, ended = plain["slot"], plain["ended"]
        rates = levels[np.minimum(unpack(plain["rates"], "<u2"), len(levels) - 1)]
        guessed = np.zeros(len(rates))
        if "guessed" in plain:
            bits = np.unpackbits(unpack(plain["guessed"], "<u1"), count=len(rates))
            guessed = bits.astype(float)
        if written != interval and len(rates):
            back = np.arange(int((len(rates) - 1) * written / interval), -1, -1) * interval
            ends = -written * np.arange(len(rates) - 1, -1, -1)
            rates, guessed = (np.interp(-back, ends, values) for values in (rates, guessed))
        self.replace(rates)
        self.guessed.replace(guessed)
        self.slot, self.ended = slot, ended
        return self


def _code(rate: float) -> int:
    """0 for none, else the place of the nearest level."""
    if rate <= 0.0:
        return 0
    octaves = min(max(math.log2(rate), -OCTAVES), OCTAVES)
    return 1 + round((octaves + OCTAVES) * STEPS_PER_OCTAVE)


@lru_cache(maxsize=1)
def _levels() -> Floats:
    """The rates that can be kept."""
    octaves = np.arange(2 * OCTAVES * STEPS_PER_OCTAVE + 1) / STEPS_PER_OCTAVE - OCTAVES
    return np.concatenate([[0.0], np.exp2(octaves)])
