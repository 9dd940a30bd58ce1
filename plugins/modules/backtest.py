#!/usr/bin/python

# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backtest
short_description: Ask how policies would have done on traffic that a service had
version_added: 0.1.0
description:
  - Replays recorded arrival rates on simulated services, one for each policy, lets the whole agent scale them, and
    compares them with each other and with the optimum that nobody can reach, for it knows the future.
  - Prints a table, and writes a page with charts where O(report) is given. It scales nothing.
  - The service is a queueing model with boot times, see the guide to back-tests. What is not known of it is assumed,
    and said in RV(notes).
author:
  - rlops.autoscale contributors (@rlops)
requirements:
  - numpy
  - requests, for O(prometheus_url)
extends_documentation_fragment:
  - rlops.autoscale.cluster
  - rlops.autoscale.http_options
  - rlops.autoscale.service
attributes:
  check_mode:
    support: full
    description: Replays and prints, but writes no page.
  diff_mode:
    support: none
    description: There is nothing to compare.
  idempotent:
    support: full
    description: The same traffic, options and seed give the same page. In Prometheus, time goes on between two runs.
options:
  trace:
    description:
      - A CSV file with the header C(t_seconds,rate), the seconds at which a step begins and the arrivals per second in
        it. All steps are equally long, from a second to an hour.
      - Either this or O(prometheus_url) is needed.
    type: path
  prometheus_url:
    description: Where the traffic is read from instead, such as C(http://prometheus:9090). Needs O(query).
    type: str
  query:
    description: PromQL of the arrivals per second, such as C(sum(rate(http_requests_total{job="chat"}[1m]))).
    type: str
  days:
    description: How many days to look back in Prometheus. That may take twelve times O(http.timeout).
    type: float
    default: 14.0
  instances_query:
    description:
      - PromQL of the count of instances. With O(utilisation_query) or O(latency_query) it shows the service rate.
        Alone, the highest load that an instance has had is taken for it.
    type: str
  utilisation_query:
    description:
      - PromQL of the share of time in which the servers of an instance are busy, 0 to 1.
      - One series is expected, such as C(avg(utilisation)).
    type: str
  latency_query:
    description:
      - PromQL of the mean latency in seconds, time in the queue included. One series is expected.
    type: str
  policies:
    description:
      - What competes. Each is the name of a policy, or a dict with C(policy), optionally a C(name) for people, and any
        options of M(rlops.autoscale.rl_scale_decision).
      - The default is the learner, rules, and two HorizontalPodAutoscalers.
    type: list
    elements: raw
    default:
      - shadow_q
      - erlang
      - target_tracking
      - name: HPA, 80 % busy
        policy: hpa
        hpa: {metrics: [{field: utilisation, target: 0.8}]}
      - name: HPA, 55 % busy
        policy: hpa
        hpa: {metrics: [{field: utilisation, target: 0.55}]}
  service_rate:
    description:
      - Messages per second that one server of one instance completes when it is always busy.
      - By default it is what Prometheus shows. Else one is assumed that can keep the SLO and with which the traffic, if
        need be multiplied, needs about a dozen instances at its peak.
    type: float
  min_instances:
    description: The fewest instances. Less than one is taken for one.
    type: int
    default: 1
  max_instances:
    description: The most instances. By default there is room for twice the highest rate.
    type: int
  connection_life:
    description:
      - Mean life of a connection in seconds, where connections stick, so that new instances only get new ones.
      - By default load is balanced at once.
    type: float
  retry_share:
    description: Share of the messages whose clients gave up that come back at once, as in a retry storm.
    type: float
    default: 0.0
  missing:
    description: Share of the scrapes that fail.
    type: float
    default: 0.0
  warmup:
    description: Seconds at the beginning that policies learn from but that do not count. By default a day, half the
      traffic at most.
    type: float
  seed:
    description: Seed of all that is drawn, which is arrivals within a step, and noise of what is measured.
    type: int
    default: 0
  report:
    description: Where to write the page, HTML without any other file. By default there is none.
    type: path
seealso:
  - module: rlops.autoscale.rl_scale_decision
"""

EXAMPLES = r"""
- name: Ask how it would have done on a trace
  rlops.autoscale.backtest:
    trace: load.csv
    service_rate: 50
    report: backtest.html

- name: Ask Prometheus for the last two weeks, and compare with the autoscaler that is there
  rlops.autoscale.backtest:
    prometheus_url: http://prometheus:9090
    query: sum(rate(http_requests_total{job="chat"}[1m]))
    instances_query: count(up{job="chat"} == 1)
    utilisation_query: avg(rate(worker_busy_seconds_total{job="chat"}[1m]))
    policies:
      - shadow_q
      - name: our HPA
        policy: hpa
        hpa: {metrics: [{field: utilisation, target: 0.7}]}
    report: backtest.html
  register: backtest

- name: Fail where it would not have paid
  ansible.builtin.assert:
    that: backtest.policies[0].name == 'shadow_q'
"""

RETURN = r"""
policies:
  description: What each policy came to, the cheapest first.
  returned: success
  type: list
  elements: dict
  contains: &figures
    name:
      description: Its name.
      returned: always
      type: str
      sample: shadow_q
    cost_per_hour:
      description: What it cost in instance-hours an hour, broken SLOs priced in as in the article's reward.
      returned: always
      type: float
      sample: 4.81
    regret:
      description: How much dearer than the optimum it was, 0.3 is 30 per cent. Null for the optimum.
      returned: always
      type: float
      sample: 0.301
    time_over_slo:
      description: Share of the time with p99 above its SLO.
      returned: always
      type: float
      sample: 0.0044
    worst_p99_s:
      description: The largest p99 latency, in seconds.
      returned: always
      type: float
      sample: 0.52
    instance_hours:
      description: Hours of instances, booting ones included.
      returned: always
      type: float
      sample: 94.9
    changes_per_hour:
      description: How often the count changed.
      returned: always
      type: float
      sample: 19.5
    worst_hour_at:
      description: When the worst hour began, in seconds from the start of what is scored.
      returned: always
      type: float
      sample: 78465.0
    worst_hour_over_slo:
      description: Share of that hour with p99 above its SLO.
      returned: always
      type: float
      sample: 0.046
optimum:
  description: The same of the optimum, which knows the future.
  returned: success
  type: dict
  contains: *figures
table:
  description: The table as it was printed, in lines.
  returned: success
  type: list
  elements: str
  sample: ["shadow_q  4.81  30 %"]
notes:
  description: What the reader has to know, such as what is assumed.
  returned: success
  type: list
  elements: str
  sample: ["Prometheus has samples of 9.2 of 14 days"]
assumed:
  description: The service that was simulated, by option.
  returned: success
  type: dict
  sample: {service_rate: 50.0, boot_time: 45.0}
report:
  description: Where the page is; null where none was asked for.
  returned: success
  type: str
  sample: backtest.html
"""
