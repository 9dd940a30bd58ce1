# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network, its gradient against finite differences, and Adam against the paper's formulas."""

from __future__ import annotations

import numpy as np
import pytest
from ansible_collections.rlops.autoscale.plugins.plugin_utils._policies._dqn import _network
from ansible_collections.rlops.autoscale.plugins.plugin_utils._training._gradient import HUBER, Adam, gradient

FEATURES, ACTIONS = 5, 3


def network(seed: int = 0) -> _network.Network:
    rng = np.random.default_rng(seed)
    weights = rng.normal(0.0, 0.3, _network.size(FEATURES, ACTIONS))
    return _network.from_flat(weights.astype(np.float32), FEATURES, ACTIONS)


def test_values_are_those_of_two_rectified_layers_in_any_shape() -> None:
    net, features = network(), np.random.default_rng(1).normal(size=(4, 2, FEATURES))
    for place in np.ndindex(4, 2):
        one = np.maximum(features[place] @ net.w1 + net.b1, 0.0)
        expected = np.maximum(one @ net.w2 + net.b2, 0.0) @ net.w3 + net.b3
        assert net.values(features)[place] == pytest.approx(expected)


def test_a_row_of_weights_is_the_network_and_back() -> None:
    net = network()
    again = _network.from_flat(net.flat(), FEATURES, ACTIONS)
    assert all(np.array_equal(one, other) for one, other in zip(net, again, strict=True))
    assert len(net.flat()) == _network.size(FEATURES, ACTIONS)


def test_at_first_no_action_seems_better() -> None:
    net = _network.initial(np.random.default_rng(0), FEATURES, ACTIONS)
    assert not net.values(np.ones((2, FEATURES))).any()
    assert net.w1.std() == pytest.approx((2 / FEATURES) ** 0.5, rel=0.3)


def test_the_gradient_is_that_of_finite_differences() -> None:
    rng = np.random.default_rng(2)
    net = _network.Network(*(part.astype(np.float64) for part in network()))
    features, targets = rng.normal(size=(6, FEATURES)), rng.normal(size=(6, ACTIONS))
    targets[0] += 3 * HUBER  # beyond the square part
    targets[1] -= 3 * HUBER
    _loss, slope = gradient(net, features, targets)
    flat = net.flat()

    def loss(weights: np.ndarray) -> float:
        parts, begin = [], 0
        for part in net:
            parts.append(weights[begin : begin + part.size].reshape(part.shape))
            begin += part.size
        return gradient(_network.Network(*parts), features, targets)[0]

    for place in rng.choice(len(flat), 60, replace=False):
        step = np.zeros_like(flat)
        step[place] = 1e-6
        numeric = (loss(flat + step) - loss(flat - step)) / 2e-6
        assert slope[place] == pytest.approx(numeric, rel=1e-4, abs=1e-6)


def test_adam_does_as_the_paper_says() -> None:
    weights = np.array([1.0, -2.0])
    adam = Adam(weights.copy(), rate=0.1)
    mean = square = np.zeros(2)
    for step, slope in enumerate(([0.5, -3.0], [1.0, 0.0], [-0.2, 4.0]), start=1):
        g = np.array(slope)
        mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g * g
        weights = weights - 0.1 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        adam.step(g)
        assert adam.weights == pytest.approx(weights, rel=1e-6)
    assert Adam(np.zeros(1), 0.1).steps == 0


def test_the_first_step_of_adam_is_as_long_as_its_rate() -> None:
    adam = Adam(np.zeros(3), rate=0.1)
    adam.step(np.array([5.0, -0.01, 0.0]))
    assert adam.weights == pytest.approx([-0.1, 0.1, 0.0], rel=1e-4)
