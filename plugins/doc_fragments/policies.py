# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of each policy, as documented in rl_scale_decision. A unit test compares them with the specs."""

from __future__ import annotations


class ModuleDocFragment:
    """One dict option for each policy."""

    DOCUMENTATION = r"""
options:
  erlang:
    description:
      - Options of the policy V(erlang), the fewest instances that keep the SLO on latency at the measured arrival rate,
        by the Erlang C formula. It follows a rise at once and in one step, and shrinks late.
      - Where the rate has grown for some ticks, it staffs for what will arrive once instances that are ordered now have
        booted (O(boot_time)), but for no more than 1.5 times what arrives now.
      - Until the service rate is calibrated or given (O(service_rate)), the policy V(hpa) with its default options
        decides, on p99.
    type: dict
    suboptions:
      headroom:
        description: Factor on the arrival rate, for what it may grow by while instances boot.
        type: float
        default: 1.1
      hold:
        description: Seconds. It shrinks to the largest count that was needed in this time.
        type: float
        default: 300.0
      drain_time:
        description: Seconds in which messages that wait are to be worked off.
        type: float
        default: 60.0
  hpa:
    description:
      - Options of the policy V(hpa), the formula of the Kubernetes HorizontalPodAutoscaler (autoscaling/v2).
      - The count recommended is the ready instances times value / target, rounded up. The largest of all metrics wins.
        A metric that is missing never shrinks the cluster.
    type: dict
    suboptions:
      metrics:
        description: What to follow.
        type: list
        elements: dict
        default:
          - field: p99_latency_s
            type: Value
            target: null
        suboptions:
          field:
            description: Field of the snapshot.
            type: str
            required: true
            choices:
              - p99_latency_s
              - mean_latency_s
              - queue_depth
              - queue_total
              - eventloop_lag_s
              - arrival_rate
              - completion_rate
              - utilisation
          type:
            description:
              - With V(Value) the field is what an instance shows, and is kept at the target.
              - With V(AverageValue) the field is a total of the cluster, and the target is the share of one instance.
            type: str
            choices: [Value, AverageValue]
            default: Value
          target:
            description: The value to keep. If not set, 65 per cent of the SLO of this field.
            type: float
      scale_up:
        description: How fast it may grow.
        type: dict
        suboptions:
          tolerance:
            description: Nothing grows while value / target is at most this far above 1.
            type: float
            default: 0.1
          stabilization_window:
            description: Seconds. It grows to the smallest count recommended in this time.
            type: float
            default: 0.0
          select_policy:
            description: Which of the scaling policies counts, the one that allows the largest or the smallest change.
              V(Disabled) forbids to grow.
            type: str
            choices: [Max, Min, Disabled]
            default: Max
          policies:
            description: Limits on the change in a period. An empty list sets no limit.
            type: list
            elements: dict
            default:
              - type: Percent
                value: 100
                period: 15.0
              - type: Pods
                value: 4
                period: 15.0
            suboptions:
              type:
                description: Whether the value is a number of instances or a percentage of them.
                type: str
                required: true
                choices: [Pods, Percent]
              value:
                description: The largest change in a period.
                type: int
                required: true
              period:
                description: Seconds.
                type: float
                required: true
      scale_down:
        description: How fast it may shrink.
        type: dict
        suboptions:
          tolerance:
            description: Nothing shrinks while value / target is at most this far below 1.
            type: float
            default: 0.1
          stabilization_window:
            description: Seconds. It shrinks to the largest count recommended in this time.
            type: float
            default: 300.0
          select_policy:
            description: Which of the scaling policies counts, the one that allows the largest or the smallest change.
              V(Disabled) forbids to shrink.
            type: str
            choices: [Max, Min, Disabled]
            default: Max
          policies:
            description: Limits on the change in a period. An empty list sets no limit.
            type: list
            elements: dict
            default:
              - type: Percent
                value: 100
                period: 15.0
            suboptions:
              type:
                description: Whether the value is a number of instances or a percentage of them.
                type: str
                required: true
                choices: [Pods, Percent]
              value:
                description: The largest change in a period.
                type: int
                required: true
              period:
                description: Seconds.
                type: float
                required: true
  q_learning:
    description:
      - Options of the policy V(q_learning), a table of values learned online by trial, one for each bucket of p99,
        bucket of queue depth and instance count. It is a reference, not a good controller.
      - "Each tick is worth C(-latency_weight x max(0, p99 - slo.p99_latency) - queue_weight x max(0, queue -
        slo.queue_depth) - instance_weight x instances)."
    type: dict
    suboptions:
      learning_rate:
        description: Weight of a new experience (alpha).
        type: float
        default: 0.1
      discount_factor:
        description: Weight of what comes after the next tick (gamma).
        type: float
        default: 0.9
      epsilon:
        description: Share of actions drawn at random at first.
        type: float
        default: 1.0
      epsilon_decay:
        description: Factor on epsilon after each tick.
        type: float
        default: 0.995
      epsilon_min:
        description: Epsilon decays while it is above this.
        type: float
        default: 0.1
      latency_thresholds:
        description: Seconds of p99 latency at which the next bucket begins, rising.
        type: list
        elements: float
        default: [0.1, 0.2, 0.5]
      queue_thresholds:
        description: Messages per instance at which the next bucket begins, rising.
        type: list
        elements: float
        default: [20.0, 50.0, 100.0]
      latency_weight:
        description: Penalty of each second of p99 above the SLO.
        type: float
        default: 100.0
      queue_weight:
        description: Penalty of each message per instance above the SLO.
        type: float
        default: 10.0
      instance_weight:
        description: Penalty of each instance.
        type: float
        default: 1.5
  static:
    description: Options of the policy V(static), a fixed count.
    type: dict
    suboptions:
      count:
        description: The count. The policy V(static) needs it.
        type: int
  target_tracking:
    description:
      - Options of the policy V(target_tracking), which keeps one field at a target as the target tracking of AWS does.
      - It grows in proportion after some ticks above the target, and shrinks by one instance after many ticks below
        90 per cent of it.
    type: dict
    suboptions:
      field:
        description: Field of the snapshot.
        type: str
        choices:
          - p99_latency_s
          - mean_latency_s
          - queue_depth
          - queue_total
          - eventloop_lag_s
          - arrival_rate
          - completion_rate
          - utilisation
        default: p99_latency_s
      target:
        description: The value to keep. If not set, 65 per cent of the SLO of this field.
        type: float
      scale_out_after:
        description: Ticks in a row above the target before it grows.
        type: int
        default: 3
      scale_in_after:
        description: Ticks in a row below 90 per cent of the target before it shrinks.
        type: int
        default: 15
      scale_in_cooldown:
        description: Seconds after any change before it shrinks.
        type: float
        default: 300.0
      disable_scale_in:
        description: Never shrink.
        type: bool
        default: false
"""
