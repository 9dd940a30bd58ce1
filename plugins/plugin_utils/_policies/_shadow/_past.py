# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arrival rates of the past: the newest ones as they were, and a season that is too long for that more coarsely."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._history import History, level_ratio
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._shadow._times import Times

#: Coarse slots whose mean is the level of a season.
LEVEL_SLOTS = 3


class Past(History):
    """A history, and beside it coarse slots of a season that is too long for it.

    A coarse slot has the largest mean of `Times.smooth` ticks that ends in it. Where the season fits into the history,
    there are none.
    """

    def __init__(self, times: Times) -> None:
        """Nothing is known yet."""
        super().__init__(times.interval, times.memory)
        self.times = times
        self._forget()

    def _forget(self) -> None:
        """Begin with the season anew."""
        times = self.times
        count = round(times.season / times.stride) + LEVEL_SLOTS + 2 if times.stride else 1
        self.coarse = History(max(times.stride, 1) * times.interval, count)
        self.begun = 0  # ticks since the newest coarse slot ended; below 0, it ends so many later, see `before`

    def append(self, value: float, guessed: bool = False) -> None:
        """See History.append."""
        super().append(value, guessed)
        stride, smooth = self.times.stride, self.times.smooth
        if not stride:
            return
        self.begun += 1
        if self.begun == stride:
            rates = self.last(stride + smooth - 1)
            terms = min(smooth, len(rates))
            self.coarse.append(float(np.convolve(rates, np.ones(terms), "valid").max()) / terms)
            self.begun = 0

    def replace(self, values: Floats) -> None:
        """See Window.replace. The season is forgotten."""
        super().replace(values)
        self._forget()

    def after_season(self, reach: int) -> float:
        """The largest rate that the last season had in `reach` ticks from this one on, at the level of this season.

        In messages/s; 0 where that is not known.
        """
        season, stride, coarse = self.times.season, self.times.stride, self.coarse
        same = round(season / stride)  # coarse slots ago
        first, last = ((season - ahead - self.begun) // stride for ahead in (0, reach - 1))
        if len(coarse) < max(first + 1, same + LEVEL_SLOTS):
            return 0.0
        last = max(last, 0)
        most = float(coarse.last(first - last + 1, last).max())
        return most * level_ratio(float(coarse.last(LEVEL_SLOTS).sum()), float(coarse.last(LEVEL_SLOTS, same).sum()))

    def before(self, times: Times) -> Past:
        """What is left without the rates that are remembered one by one: to live through these once more."""
        past, count = Past(times), min(len(self), times.memory)
        past.ended = self.ended - count * self.interval
        if times.stride and times.stride * times.interval == self.coarse.interval:
            stride = times.stride
            whole = max((count - times.smooth + 1 - self.begun) // stride, 0)  # slots that they are enough for
            past.coarse.replace(self.coarse.last(self.coarse.size, whole))
            past.begun = self.begun + whole * stride - count
        return past

    def to_plain(self) -> dict[str, Any]:
        """See History.to_plain."""
        plain = super().to_plain()
        return {**plain, "coarse": self.coarse.to_plain(), "begun": self.begun} if self.times.stride else plain

    def read(self, plain: Mapping[str, Any]) -> Self:
        """See History.read. A season that is not there, or damaged, is taken from the rates."""
        super().read(plain)
        if self.times.stride:
            try:
                self.coarse.read(plain["coarse"])
                begun = round(plain["begun"] * plain["interval"] / self.interval)
                self.begun = min(begun, self.times.stride - 1)
            except (AutoscaleError, KeyError, TypeError, ValueError):
                rates, slot = self.last(self.size).tolist(), self.slot
                guessed = self.guessed.last(self.size).tolist()
                self.replace(np.zeros(0))
                for each in zip(rates, guessed, strict=True):
                    self.append(*each)
                self.slot = slot
        return self
