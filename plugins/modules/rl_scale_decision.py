#!/usr/bin/python

# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rl_scale_decision
short_description: Observe a cluster, learn, and decide how many instances it shall have
version_added: 0.1.0
description:
  - Observes a cluster as M(rlops.autoscale.metrics_snapshot) does, unless it is given a snapshot. Learns from it, asks
    the policy for a count, lets the guards limit it, and remembers all of it for the next tick. It scales nothing;
    M(rlops.autoscale.cluster_converge) does.
  - It is the only writer of a cluster's state, and holds a lease on it, so that of several runs on the same cluster one
    ticks and the others end as RV(busy).
  - Missing or old data never leads to fewer instances and teaches nothing.
author:
  - rlops.autoscale contributors (@rlops)
requirements:
  - requests and prometheus-client, where it observes itself
extends_documentation_fragment:
  - rlops.autoscale.cluster
  - rlops.autoscale.policies
  - rlops.autoscale.policies.dqn
  - rlops.autoscale.policies.q_learning
  - rlops.autoscale.service
attributes:
  check_mode:
    support: full
    description: Decides and says so; remembers nothing and takes no lease.
  diff_mode:
    support: partial
    description: Shows what a person's word changes, with each O(operation) but V(decide).
  idempotent:
    support: partial
    description: A person's word is. Each V(decide) is a tick of its own, as time goes on between two of them.
options:
  operation:
    description:
      - What to do.
      - V(decide) is one tick.
      - V(take_up) prepares to carry out what V(decide) has decided in an earlier job, which is told by the variable
        C(rlops_autoscale_<cluster>); see RV(ansible_stats). It refuses what is outdated, since somebody has decided,
        pinned or taken over meanwhile, or an hour has passed.
      - V(pin) leaves a count for the agent to keep to, for a person who scales by hand; V(unpin) takes it back.
      - V(approve) lets a change go on that waits for a person, see O(approval); V(refuse) tells that it shall not, and
        takes back what was approved before. Where nothing waits, neither does anything.
      - V(leave_quota) takes O(cluster) out of the O(quota), with all that it held there, when it is gone for good. That
        is refused where the cluster has ticked in the last two minutes, or four intervals.
    type: str
    choices: [decide, take_up, pin, unpin, approve, refuse, leave_quota]
    default: decide
  snapshot:
    description:
      - What was observed, see RV(rlops.autoscale.metrics_snapshot#module:snapshot). Needs O(status).
      - By default the cluster is observed now, in process, by the settings that M(rlops.autoscale.cluster_status) and
        M(rlops.autoscale.metrics_snapshot) find in the host's variables; so a tick needs one task instead of three.
    type: dict
  status:
    description: Which instances there are, as M(rlops.autoscale.cluster_status) returns it. Needs O(snapshot).
    type: dict
  pace:
    description:
      - Whether this is the first tick of a run, as in the playbook C(rlops.autoscale.autoscale); a further one has
        O(tick).
      - It waits until the tick is due, and tells the loop in RV(batches) which follow.
      - A tick is left out where the next is due already.
      - What goes wrong in a tick is told in RV(message), and is a failure of the task only where it was the last, or
        where a setting is wrong.
    type: bool
    default: false
  tick:
    description:
      - Which tick of the run this is, one of RV(batches) as it stands there.
      - The default, with O(pace), is the first, which is due at once, or O(interval) after the last tick of the run
        before.
    type: str
  batches:
    description: With O(tick), the ticks that follow it, to be handed on in RV(batches).
    type: list
    elements: list
  mode:
    description:
      - V(act) decides what is to be ordered.
      - V(recommend) only says what it would order. The changes that others make are what it learns from, it does not
        explore, and no cooldown begins.
    type: str
    choices: [act, recommend]
    default: act
  min_instances:
    description: The fewest instances. Zero lets the agent switch a cluster off that nobody uses.
    type: int
    default: 1
  max_instances:
    description: The most instances.
    type: int
    default: 10
  deadline:
    description:
      - Seconds after which a run starts no further tick. The default leaves a run that is started every minute enough
        time to end.
      - V(0) makes one tick.
    type: float
    default: 50.0
  triggered_at:
    description:
      - When what started this run happened, such as an alert, in unix seconds or as an ISO 8601 time. A run that was
        triggered more than O(trigger_ticks) intervals ago, since its job had to wait, does nothing.
      - The default is that a run is never too late.
    type: raw
  trigger_ticks:
    description: How many times O(interval) a trigger is good for.
    type: float
    default: 3.0
  state_required:
    description:
      - Whether a run fails before it does anything when the cluster's state did not come back, or only an older
        generation than the variable C(rlops_autoscale_<cluster>) of an earlier job tells of.
      - Set it where the state should be there, once the first run was made. Without it, the agent warns and starts
        anew.
    type: bool
    default: false
  service_rate:
    description:
      - Messages per second that one server of one instance completes when it is always busy.
      - The default is to learn it from what the service shows; RV(decision.service_rate) says how far that is.
    type: float
  expected_rate:
    description:
      - Messages per second, the most that somebody expects within the next O(boot_time), such as by a calendar. Policy
        V(shadow_q) learns how far that can be trusted.
      - The default is that nobody expects anything.
    type: float
  history:
    description:
      - Where the arrival rates of the past are to be had, for a policy that learns from them, when it has learned
        nothing yet. Then it knows the traffic before its first decision.
      - With O(rlops.autoscale.metrics_snapshot#module:source=prometheus), the default is to ask the same server for the
        same figure, from where Ansible runs; else there is none, nor with
        O(rlops.autoscale.metrics_snapshot#module:scrape_via).
    type: dict
    suboptions:
      trace:
        description: A CSV file with the header C(t_seconds,rate), in seconds and messages per second, taken to end now.
        type: path
      prometheus_url:
        description:
          - URL of a Prometheus server. Needs O(history.query).
          - Credentials of O(rlops.autoscale.metrics_snapshot#module:http), which are meant for the metrics, are sent to
            it only where scheme, host and port are those of
            O(rlops.autoscale.metrics_snapshot#module:prometheus.url), with
            O(rlops.autoscale.metrics_snapshot#module:source=prometheus). Any other server is asked without them; the
            rest of O(rlops.autoscale.metrics_snapshot#module:http), such as authorities, holds for it, too.
        type: str
      query:
        description: PromQL of the arrivals per second.
        type: str
      days:
        description:
          - How many days to look back in Prometheus. By default it is a little more than one, or than the C(season) of
            the policy where that is longer; 14 for V(predictive).
        type: float
  export:
    description:
      - Where to tell the decision as Prometheus metrics after each tick, so that something else can follow it, such as
        a HorizontalPodAutoscaler with an external metric. They are C(autoscale_desired_instances),
        C(autoscale_ordered_instances), C(autoscale_ready_instances) and, so that an agent that is dead can be told from
        one that wants no change, C(autoscale_last_decision_timestamp_seconds), with the label C(cluster).
      - Check mode exports nothing. A failure is a warning.
    type: dict
    suboptions:
      directory:
        description: Directory of the textfile collector of a node_exporter; the file is C(autoscale_<cluster>.prom).
        type: path
      pushgateway:
        description: URL of a Pushgateway, such as C(http://pushgateway:9091). The job is C(rlops_autoscale).
        type: str
  seed:
    description:
      - Seed of everything drawn at random. The same seed and the same snapshots give the same decisions.
      - The default is drawn once and remembered.
    type: int
  policy:
    description:
      - The rule that proposes a count; each has an option of its own name.
      - V(dqn) is a small neural network that corrects such a rule, trained before by M(rlops.autoscale.pretrain) and
        followed only where that is no dearer.
      - V(erlang) staffs to the SLO on the arrival rate, by Erlang C.
      - V(seasonal) does so for what came a season ago, V(holt_winters) for a forecast by exponential smoothing.
      - V(square_root) is the load and spare servers in proportion to its square root.
      - V(hpa) is the rule of the Kubernetes HorizontalPodAutoscaler.
      - V(kpa) is the rule of the Knative Pod Autoscaler.
      - V(target_tracking) is the rule of cloud providers' target tracking.
      - V(predictive) is target tracking beside an hourly forecast, as predictive scaling of AWS.
      - V(q_learning) is tabular Q-learning. It explores, in production too; it is the reference, not a recommendation.
      - V(shadow_q) learns which of many rules is the cheapest for this service, and explores nothing in production.
      - V(static) is a fixed count.
    type: str
    default: shadow_q
  pin:
    description: A count to keep to, whatever the policy proposes. The bounds still hold.
    type: dict
    suboptions:
      count:
        description: The count.
        type: int
        required: true
      until:
        description: When the pin ends, in unix seconds or as an ISO 8601 time. The default is never.
        type: raw
  pin_minutes:
    description: With V(pin), how many minutes from now it ends, instead of O(pin.until).
    type: float
  cooldown_up:
    description: Seconds after growing before the next growth.
    type: float
    default: 0.0
  cooldown_down:
    description:
      - Seconds after any change before shrinking.
      - With 0, instances that boot may be given up again; else nothing shrinks while any boots.
      - The default is 0 with the policies V(shadow_q) and V(dqn), which learn for how long to hold, and 300 with all
        others.
    type: float
  max_step_up:
    description: How many instances one decision may add. The default is no limit.
    type: int
  max_step_down:
    description: How many instances one decision may take away. The default is no limit.
    type: int
  quota:
    description:
      - A number of instances that several clusters have together. When they want more, those with the higher
        O(priority) get what they want first, and equal ones share by max-min fairness. Each decision that it limits
        says so.
      - The clusters have to keep their state in the same store, see O(state_store). Set it once for all of them, as a
        group variable. Where they do not agree on O(quota.instances), the smallest counts, with a warning.
      - What O(min_instances) and a pin say is ordered whatever the quota says. A cluster that has more than its share
        shrinks to it, by O(max_step_down) at most in one decision, also on missing data and over its SLO; what it had
        is free when it is gone.
      - What is not known is not free, so a cluster that does not tick keeps what it had, and nobody grows in the first
        two minutes, or four intervals, of a quota.
      - In check mode and with O(mode=recommend) it is looked at, and nothing is recorded there.
    type: dict
    suboptions:
      name:
        description: Name of the quota, the same for all who share it.
        type: str
        required: true
      instances:
        description: How many there are for all together, 1 or more.
        type: int
        required: true
  priority:
    description: How important the cluster is among those that share its O(quota). The larger number comes first.
    type: int
    default: 0
  approval:
    description:
      - Protects the cluster. A change by more than a step, up or down, is ordered as far as the step goes, and the rest
        waits until a person approves it with O(operation=approve) or the playbook C(rlops.autoscale.approve).
      - Nobody has to approve what O(min_instances), O(max_instances) and a pin say.
      - The default is that nothing waits.
    type: dict
    suboptions:
      above_step:
        description: How many instances more, or fewer, need no approval. With V(0) every change does.
        type: int
        required: true
      period:
        description:
          - Seconds within which changes are added up. They are counted from the count that the cluster had before,
            until it has had another for so long and nobody wanted more than the step.
        type: float
        default: 600.0
  approval_count:
    description:
      - With V(approve), up to which count. The default is what waits at this moment, which may be more than it was when
        somebody looked.
    type: int
  approval_minutes:
    description: With V(approve) and V(refuse), how many minutes from now it holds.
    type: float
    default: 60.0
  approved_by:
    description:
      - With V(approve) and V(refuse), whose word it is, for the record.
      - The default is the user who runs Ansible.
    type: str
seealso:
  - module: rlops.autoscale.metrics_snapshot
  - module: rlops.autoscale.cluster_converge
"""

EXAMPLES = r"""
# All settings are variables of the host, such as autoscale_policy and autoscale_max_instances.
- name: Observe and decide
  rlops.autoscale.rl_scale_decision:
  register: decided

- name: Say what would be done, for a service that something else scales
  rlops.autoscale.rl_scale_decision:
    mode: recommend

- name: Observe in a way of your own
  rlops.autoscale.metrics_snapshot:
    metrics:
      queue_depth: {name: jobs_waiting}
  register: observed

- name: Decide on that
  rlops.autoscale.rl_scale_decision:
    snapshot: "{{ observed.snapshot }}"
    status: "{{ observed.status }}"

- name: Keep five instances over the weekend
  rlops.autoscale.rl_scale_decision:
    operation: pin
    pin:
      count: 5
      until: "2026-11-30T06:00:00Z"

- name: Let a protected cluster grow to 30 within the next hour
  rlops.autoscale.rl_scale_decision:
    operation: approve
    approval_count: 30
    approved_by: alice

# A task for a cluster that shares the quota, about another one that is gone.
- name: Let others have what a cluster held that was removed
  rlops.autoscale.rl_scale_decision:
    operation: leave_quota
    cluster: blog
"""

RETURN = r"""
decision:
  description: What to order, and why.
  returned: where something was observed and decided
  type: dict
  contains:
    cluster:
      description: Name of the cluster.
      returned: always
      type: str
      sample: chat
    tick:
      description: Number of the tick since the state began.
      returned: always
      type: int
      sample: 5760
    at:
      description: When it was decided, in unix seconds.
      returned: always
      type: float
      sample: 1764000000.5
    mode:
      description: The O(mode).
      returned: always
      type: str
      sample: act
    policy:
      description: The O(policy).
      returned: always
      type: str
      sample: shadow_q
    current:
      description: Instances ordered before, booting and ready ones.
      returned: always
      type: int
      sample: 3
    ready:
      description: Ready instances.
      returned: always
      type: int
      sample: 3
    booting:
      description: Booting instances.
      returned: always
      type: int
      sample: 0
    target:
      description: Instances to order.
      returned: always
      type: int
      sample: 9
    reason:
      description: Why, in one sentence.
      returned: always
      type: str
      sample: >-
        98 msg/s (no peak behind, usual, steady), staffed for 118 at 50 an instance: 1.1 x rate, no hold 115 (43 %)
    proposal:
      description: What the policy alone proposed. Its C(count) is null where it has no opinion.
      returned: always
      type: dict
      sample: {count: 8, reason: "...", details: {}}
    bound_by:
      description: Each guard that changed the outcome, the one of the highest priority first.
      returned: always
      type: list
      elements: dict
      sample:
        - guard: distress
          floor: 4
          ceiling: null
          reason: "p99_latency 0.8 over 0.2 for 2 ticks: at least one more"
    approval:
      description: What waits for a person to approve, see O(approval). Null where nothing does.
      returned: always
      type: dict
      contains:
        from:
          description: The count that the change is counted from.
          returned: always
          type: int
          sample: 10
        to:
          description: The count that is wanted.
          returned: always
          type: int
          sample: 30
        at:
          description: When it was wanted first, in unix seconds.
          returned: always
          type: float
          sample: 1764000000.5
        by:
          description: What wants it, the O(policy), or V(quota) where others are to get what the cluster has.
          returned: always
          type: str
          sample: shadow_q
        reason:
          description: Why, in the words of that.
          returned: always
          type: str
          sample: 612 msg/s x 1.1 at 25 msg/s each
        refused_by:
          description: Who has refused it. Null where nobody has, or that has run out.
          returned: always
          type: str
          sample: null
    service_rate:
      description: The service rate in use, where it is from and how many snapshots it was learned from.
      returned: always
      type: dict
      sample: {rate: 49.7, source: sojourn, lessons: 12}
    account:
      description:
        - With O(mode=recommend), what the agent would have had in the last seven days, beside what was there. Null
          before the service rate is known, and with O(mode=act).
        - What would have been is an estimate, by a queueing model on the arrivals that were measured.
      returned: always
      type: dict
      contains:
        estimate:
          description: Always true, as a reminder.
          returned: always
          type: bool
          sample: true
        hours:
          description: Hours that were counted.
          returned: always
          type: float
          sample: 161.5
        instance_hours:
          description: Hours of instances that were ordered.
          returned: always
          type: float
          sample: 1420.0
        instance_hours_recommended:
          description: Hours of instances that the agent would have ordered.
          returned: always
          type: float
          sample: 1130.0
        measured_hours:
          description: Hours in which it is known what users felt, since p99 was measured, nothing arrived, or nothing
            was ready.
          returned: always
          type: float
          sample: 160.9
        time_over_slo:
          description:
            - Share of RV(decision.account.measured_hours) in which p99 was measured above its SLO. Time in which
              nothing was ready, though instances were ordered or messages arrived, counts as such.
            - Null where RV(decision.account.measured_hours) is 0.
          returned: always
          type: float
          sample: 0.011
        time_over_slo_estimate:
          description: The same share, as the model has it for the instances that were there.
          returned: always
          type: float
          sample: 0.013
        time_over_slo_recommended:
          description: The same share, as the model has it for what the agent would have ordered.
          returned: always
          type: float
          sample: 0.004
snapshot:
  description: What was observed, see RV(rlops.autoscale.metrics_snapshot#module:snapshot), without its counters.
  returned: where something was observed and decided
  type: dict
act:
  description: Whether M(rlops.autoscale.cluster_converge), or RV(ask), has something to do.
  returned: when O(operation=decide)
  type: bool
  sample: true
ask:
  description:
    - Whether tasks have to ask the pools of backend V(custom) before anything can be observed; see the entry point
      C(report) of the role P(rlops.autoscale.cluster_scale#role). Then decide once more, with the variable
      C(autoscale_reported).
  returned: when O(operation=decide)
  type: bool
  sample: false
busy:
  description: Whether another run works on the cluster, so that nothing was done.
  returned: always
  type: bool
  sample: false
over:
  description:
    - Whether the run has nothing left to do on this cluster, neither now nor later. With O(pace), it ends then.
  returned: when O(operation=decide)
  type: bool
  sample: false
tick:
  description: Which tick of the run this is, see O(tick); null outside of a run.
  returned: when O(operation=decide)
  type: str
  sample: "1764000000.500+3"
batches:
  description:
    - The ticks that follow the first of a run, each for O(tick).
    - In batches, since Ansible keeps each turn of a loop until the file around the loop has ended.
  returned: when O(operation=decide)
  type: list
  elements: list
  sample: [["1764000015.500+2", "1764000030.500+1", "1764000045.500+0"]]
further:
  description: How many ticks the run makes after this one.
  returned: when O(operation=decide)
  type: int
  sample: 3
fence:
  description:
    - The number of the lease, which grows with each new holder, each pin and each refusal, for
      O(rlops.autoscale.cluster_converge#module:fence).
    - V(0) in check mode, which takes none.
  returned: where something was observed and decided
  type: int
  sample: 42
state:
  description: Where the state is, and what is there.
  returned: where O(operation) is V(decide) or V(take_up), and the run was not too late
  type: dict
  contains:
    location:
      description: Where it is kept.
      returned: always
      type: str
      sample: directory /home/scaler/.local/state/rlops.autoscale
    generation:
      description: How many times it was written, by this tick, too. V(0) means that there was none.
      returned: always
      type: int
      sample: 5760
    lost:
      description: What did not come back of it, in words. Null where nothing is known to be missing.
      returned: always
      type: str
      sample: null
ansible_stats:
  description:
    - What is handed on as by M(ansible.builtin.set_stats), to the next node of a workflow and to those who look at the
      job. The variable is C(rlops_autoscale_<cluster>), with an underscore for each other character of the name that is
      neither a letter nor a digit.
    - It has C(cluster), C(mode), C(current), C(target), C(ready), C(reason), C(at) and C(tick) of RV(decision), the
      RV(state.generation), the RV(fence), and RV(act).
  returned: where something was observed and decided
  type: dict
  sample: {data: {rlops_autoscale_chat: {cluster: chat, target: 9, act: true}}, per_host: false, aggregate: false}
wrong_setting:
  description: Whether a setting is wrong, so that it is of no use to try again.
  returned: failure
  type: bool
  sample: true
message:
  description: The tick in one line, or why there was none; what became of a person's word.
  returned: unless O(operation) is V(pin) or V(unpin); empty where the pools have to be asked first
  type: str
  sample: "14:00:15 chat: p99 0.143 s, queue 0.8, lag 4 ms, 312/s | 7 ready, order 8 | 312 msg/s ..."
"""
