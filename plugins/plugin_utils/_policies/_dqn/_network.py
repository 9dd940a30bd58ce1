# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network: features to a value for each action, by two hidden layers of rectified linear units."""

from __future__ import annotations

import math
from typing import NamedTuple

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, np

#: Units of each hidden layer.
HIDDEN = 48


class Network(NamedTuple):
    """Weights and biases of the layers, float32. A layer computes x W + b."""

    w1: Floats  # (features, HIDDEN)
    b1: Floats
    w2: Floats  # (HIDDEN, HIDDEN)
    b2: Floats
    w3: Floats  # (HIDDEN, actions)
    b3: Floats

    def values(self, features: Floats) -> Floats:
        """The value of each action: (..., features) to (..., actions)."""
        hidden = np.maximum(features @ self.w1 + self.b1, 0.0)
        hidden = np.maximum(hidden @ self.w2 + self.b2, 0.0)
        return np.asarray(hidden @ self.w3 + self.b3)

    def flat(self) -> Floats:
        """All weights in one row, see `from_flat`."""
        return np.concatenate([part.ravel() for part in self])


def shapes(features: int, actions: int) -> tuple[tuple[int, ...], ...]:
    """The shapes of a network's parts."""
    return (features, HIDDEN), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN,), (HIDDEN, actions), (actions,)


def size(features: int, actions: int) -> int:
    """How many weights a network has."""
    return sum(math.prod(shape) for shape in shapes(features, actions))


def from_flat(weights: Floats, features: int, actions: int) -> Network:
    """The network with these weights, see Network.flat; views of them where they are float32."""
    parts, begin = [], 0
    for shape in shapes(features, actions):
        end = begin + math.prod(shape)
        parts.append(weights[begin:end].reshape(shape).astype(np.float32, copy=False))
        begin = end
    return Network(*parts)


def initial(rng: np.random.Generator, features: int, actions: int) -> Network:
    """Random weights that keep the scale of what goes through (He et al., Delving deep into rectifiers, 2015).

    The last layer begins at 0: no action seems better than another.
    """
    w1, b1, w2, b2, w3, b3 = shapes(features, actions)
    return Network(
        _he(rng, w1),
        np.zeros(b1, dtype=np.float32),
        _he(rng, w2),
        np.zeros(b2, dtype=np.float32),
        np.zeros(w3, dtype=np.float32),
        np.zeros(b3, dtype=np.float32),
    )


def _he(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return (rng.standard_normal(shape) * math.sqrt(2.0 / shape[0])).astype(np.float32)
