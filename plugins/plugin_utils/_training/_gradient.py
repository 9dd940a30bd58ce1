# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the network learns from targets: the gradient of its loss, and Adam."""

from __future__ import annotations

from ansible_collections.rlops.autoscale.plugins.plugin_utils._numpy import Floats, np
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn._network import Network

#: Adam's usual settings (Kingma and Ba, Adam: a method for stochastic optimization, 2015).
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
#: Errors beyond this count linearly, so that rare catastrophes do not dominate (Huber).
HUBER = 60.0


def gradient(network: Network, features: Floats, targets: Floats) -> tuple[float, Floats]:
    """The mean Huber loss of all values, and its gradient in the order of Network.flat.

    `features` are (n, features), `targets` (n, actions): of every state, the target of every action is known.
    """
    first = features @ network.w1 + network.b1
    one = np.maximum(first, 0.0)
    second = one @ network.w2 + network.b2
    two = np.maximum(second, 0.0)
    error = two @ network.w3 + network.b3 - targets
    within = np.minimum(abs(error), HUBER)
    loss = float((within * (abs(error) - 0.5 * within)).mean())
    slope = np.clip(error, -HUBER, HUBER) / error.size
    back_two = (slope @ network.w3.T) * (second > 0.0)
    back_one = (back_two @ network.w2.T) * (first > 0.0)
    parts = (
        features.T @ back_one,
        back_one.sum(0),
        one.T @ back_two,
        back_two.sum(0),
        two.T @ slope,
        slope.sum(0),
    )
    return loss, np.concatenate([part.ravel() for part in parts])


class Adam:
    """Weights in one row that follow gradients."""

    def __init__(self, weights: Floats, rate: float) -> None:
        """Begin with these weights, which are changed in place."""
        self.weights = weights
        self.rate = rate
        self.mean: Floats = np.zeros_like(weights)
        self.square: Floats = np.zeros_like(weights)
        self.steps = 0

    def step(self, gradient: Floats) -> None:
        """One step down the gradient."""
        self.steps += 1
        self.mean += (1.0 - BETA1) * (gradient - self.mean)
        self.square += (1.0 - BETA2) * (gradient * gradient - self.square)
        rate = self.rate * (1.0 - BETA2**self.steps) ** 0.5 / (1.0 - BETA1**self.steps)
        self.weights -= rate * self.mean / (np.sqrt(self.square) + EPSILON)
