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
  holt_winters:
    description:
      - Options of the policy V(holt_winters), which foretells the arrival rate by exponential smoothing with a damped
        trend and a season (Holt-Winters' multiplicative method), and staffs for it as the policy V(erlang) does, though
        at least for what arrives now.
      - The first season gives its factors; until then it is Holt's damped trend.
      - Until the service rate is calibrated or given (O(service_rate)), the policy V(hpa) with its default options
        decides, on p99.
    type: dict
    suboptions:
      alpha:
        description: Weight of a new rate in the level, 0 to 1.
        type: float
        default: 0.5
      beta:
        description: Weight of a new change of the level in the trend, 0 to 1.
        type: float
        default: 0.1
      gamma:
        description: Weight of a new season in its factors, 0 to 1.
        type: float
        default: 0.3
      phi:
        description: What is left of the trend from one tick to the next, 0 to 1. With V(1) it is not damped.
        type: float
        default: 0.9
      season:
        description: Seconds after which traffic repeats. V(0) is no season.
        type: float
        default: 86400.0
      seasonal_periods:
        description: In how many periods a season is divided, each with a factor of its own.
        type: int
        default: 96
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
  kpa:
    description:
      - Options of the policy V(kpa), the Knative Pod Autoscaler, on concurrency, which are the messages in the service,
        waiting or in work.
      - The count is the mean concurrency of the stable window / target, rounded up. Where that of the panic window, its
        newest part, needs a multiple of what is ready, the larger of both counts and nothing shrinks for a while.
      - Concurrency is C(queue_total) + C(utilisation) x ready instances x O(servers_per_instance) where the snapshot
        has both, else arrival rate x mean latency, by Little's law.
    type: dict
    suboptions:
      target:
        description: Concurrency that one instance can take. If not set, O(servers_per_instance).
        type: float
      target_utilization_percentage:
        description: The part of it that is aimed at.
        type: float
        default: 70.0
      stable_window:
        description: Seconds that concurrency is averaged over, from 6 to 3600.
        type: float
        default: 60.0
      panic_window_percentage:
        description: The panic window as a part of the stable one. It has one sample at least, the newest.
        type: float
        default: 10.0
      panic_threshold_percentage:
        description: Panic begins where so many per cent of the ready instances are needed, from 110 to 1000.
        type: float
        default: 200.0
      max_scale_up_rate:
        description: It grows to at most so many times the ready instances.
        type: float
        default: 1000.0
      max_scale_down_rate:
        description: It shrinks to at least the ready instances divided by this.
        type: float
        default: 2.0
      scale_down_delay:
        description: Seconds. It shrinks to the largest count of this time.
        type: float
        default: 0.0
  predictive:
    description:
      - Options of the policy V(predictive), an hourly forecast beside target tracking, as predictive scaling of AWS.
      - An hour is expected to be as the same hour of the last 14 days was on average, weekdays apart as well. The
        forecast begins after 24 hours and orders ahead; it never shrinks the cluster.
      - The larger of the forecast's count and that of target tracking counts. Without a service rate (O(service_rate)),
        target tracking decides alone.
    type: dict
    suboptions:
      target_utilisation:
        description: How busy the servers are to be at the rate that is foretold, 0.05 to 1.
        type: float
        default: 0.65
      scheduling_buffer:
        description: Seconds before its hour that capacity is ordered. More than O(boot_time) and less than an hour.
        type: float
        default: 300.0
      target_tracking:
        description: Target tracking, with the suboptions of O(target_tracking).
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
  seasonal:
    description:
      - Options of the policy V(seasonal), which expects what came a season ago, at the level of this season, and staffs
        for it as the policy V(erlang) does, though at least for what that expects. It needs numpy.
      - Until the service rate is calibrated or given (O(service_rate)), the policy V(hpa) with its default options
        decides, on p99.
    type: dict
    suboptions:
      season:
        description: Seconds after which traffic repeats, from ten minutes to a week. Two to three bytes are remembered
          for each tick of it.
        type: float
        default: 86400.0
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
  shadow_q:
    description:
      - Options of the policy V(shadow_q). 120 staffing rules, each a headroom, a season and a time to hold, are
        replayed at every tick on the arrivals that were measured, and what the cheapest ones would order is ordered.
      - Needs numpy. Until the service rate is calibrated or given (O(service_rate)), the policy V(hpa) with its default
        options decides, on p99; so it does while users feel what the model cannot explain.
    type: dict
    suboptions:
      season:
        description:
          - Seconds after which traffic repeats, a day as a rule. What is remembered, and all times that rules look back
            or hold for, are in proportion to it.
          - Of a season of 6,000 ticks or more (a week, or a day of ticks each 5 seconds) the rates are remembered more
            coarsely, in at most 2,048 slots. What came in a slot is expected from its beginning to its end.
        type: float
        default: 86400.0
      violation_cost:
        description:
          - What a tick with p99 above its SLO costs, beside what it costs by how much it is above. An instance costs
            1.5. More buys fewer violations with more instances.
        type: float
        default: 30.0
      peak:
        description:
          - The arrival rate at the worst moment between two ticks, as a factor on its mean. Where ticks are minutes
            long, or traffic comes in short bursts, more than the default is needed.
        type: float
        default: 1.01
  square_root:
    description:
      - Options of the policy V(square_root), square-root staffing. With a load of C(a) Erlangs, it wants
        C(a + beta x sqrt(a)) servers. It knows no SLO.
      - Until the service rate is calibrated or given (O(service_rate)), the policy V(hpa) with its default options
        decides, on p99.
    type: dict
    suboptions:
      beta:
        description: Spare servers, in roots of the load. With V(1) about a fifth of the messages wait, with V(2) 3 per
          cent.
        type: float
        default: 2.0
      hold:
        description: Seconds. It shrinks to the largest count that was needed in this time.
        type: float
        default: 300.0
      drain_time:
        description: Seconds in which messages that wait are to be worked off.
        type: float
        default: 60.0
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

    #: Those that are trained before, in parts of their own for pretrain.
    DQN = r"""
options:
  dqn:
    description:
      - Options of the policy V(dqn), a small neural network that corrects a staffing rule. It does not learn in
        production; the playbook C(rlops.autoscale.pretrain) trains it before. Until then, for a service of another kind
        and in situations that training has not seen, the rule decides alone.
      - The network is followed only as long as the margin is kept, in simulated fleets on the measured arrivals.
      - Until the service rate is calibrated or given (O(service_rate)), and while users feel what the queueing model
        cannot explain, the policy V(hpa) with its default options decides, on p99.
    type: dict
    suboptions:
      margin:
        description: What following the network may cost more than following the rule, as a share of the rule's cost.
        type: float
        default: 0.05
      headroom:
        description: Factor of the rule on the arrival rate. A network is trained for one.
        type: float
        default: 1.1
      hold:
        description: Seconds in which a peak fades from the rule's memory, to 1/e. A network is trained for one.
        type: float
        default: 900.0
      violation_cost:
        description: Cost of each tick with p99 over its SLO, where an instance costs 1.5 a tick.
        type: float
        default: 30.0
"""

    Q_LEARNING = r"""
options:
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
"""
