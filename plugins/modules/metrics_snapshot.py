#!/usr/bin/python
# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: metrics_snapshot
version_added: 0.1.0
short_description: Measure the load of a cluster by what its users feel
description:
  - Reads the metrics of all instances of a cluster at one moment and returns one snapshot of its load, as plain data.
    What is not known is null and has a reason; it is never C(0).
  - Counters and histograms count from the start of a process, so the load is in the difference between two scrapes. The
    99th percentile comes from the merged differences of all buckets, for each instance and start of its process, and
    equals what Prometheus' C(histogram_quantile) gives on the same buckets. A process that was not seen before counts
    from zero if it began after the earlier scrape, and not at all if it began before. An instance that is gone
    contributes nothing.
  - The arrival rate is the completion rate plus the growth of the queues, because completions alone never show more
    than the service can do; see O(metrics.arrivals) for a service that counts its arrivals.
  - Draining instances count for latencies, rates and the whole queue, but not for the mean queue and the utilisation,
    as they are no capacity.
  - An instance that does not answer, or not with metrics, is no failure of the task. It is reported in
    RV(snapshot.instances) and RV(snapshot.warnings), and RV(snapshot.valid) says whether enough of them answered.
  - On the controller this is an action plugin, which observes in process. The module is run for tasks whose connection
    is not local, and on the host that O(scrape_via) names.
author:
  - rlops.autoscale contributors (@rlops)
requirements:
  - python >= 3.11
  - requests
  - prometheus-client
extends_documentation_fragment:
  - rlops.autoscale.cluster
  - rlops.autoscale.http_options
options:
  source:
    description:
      - Where the metrics come from.
      - V(scrape) asks the instances themselves, at the C(metrics_url) of each of O(instances).
      - V(prometheus) asks a Prometheus server, or one with the same HTTP API, with PromQL.
      - V(file) reads metrics pages from files.
    type: str
    choices: [scrape, prometheus, file]
    default: scrape
  instances:
    description:
      - The instances of the cluster, as M(rlops.autoscale.cluster_status) returns them.
      - Used of each are C(name), C(state) (the default is V(ready); only V(ready) and V(draining) ones are observed),
        C(metrics_url), and C(created_at) in unix seconds, which stands in where the page does not say when the process
        began.
      - The default are the instances of the pools in the host's variable C(autoscale_pools), which the action asks in
        process, so that a loop needs no task for it; see RV(status).
      - Without pools, required for O(source=scrape). For O(source=prometheus) they say how many are expected and which
        ones drain.
    type: list
    elements: dict
  status:
    description:
      - What M(rlops.autoscale.cluster_status) says of the cluster. Its instances are used instead of O(instances), and
        it is handed on in RV(status).
    type: dict
  metrics:
    description:
      - Which metrics tell the load.
      - The C(labels) of each select among the series on a page. A value is what the label has to be, or, after a C(~),
        a regular expression that it has to match as a whole. Labels that are not mentioned may have any value.
      - The C(scale) of each is what a value is multiplied with to get to the unit of the snapshot, such as V(0.001) for
        milliseconds.
      - An empty C(name) says that the service has no such metric.
    type: dict
    suboptions:
      latency:
        description:
          - Histogram of the time from arrival to completion, in seconds. RV(snapshot.p99_latency_s),
            RV(snapshot.mean_latency_s) and RV(snapshot.completion_rate) come from it.
          - A summary will do for the mean and the rate; its quantiles cannot be merged and are not used.
        type: dict
        suboptions:
          name:
            description: Name of the metric, without C(_bucket), C(_count) and C(_sum).
            type: str
            default: app_p99_latency_seconds
          labels:
            description: Labels the series must have.
            type: dict
          scale:
            description: Factor to seconds.
            type: float
            default: 1.0
      queue_depth:
        description: Gauge of the messages that wait in an instance.
        type: dict
        suboptions:
          name:
            description: Name of the metric.
            type: str
            default: app_message_queue_depth
          labels:
            description: Labels the series must have.
            type: dict
          aggregation:
            description: What several series of one instance are put together by.
            type: str
            choices: [sum, mean, max]
            default: sum
          scale:
            description: Factor to messages.
            type: float
            default: 1.0
      eventloop_lag:
        description: Gauge of how late an instance's event loop is, in seconds.
        type: dict
        suboptions:
          name:
            description: Name of the metric.
            type: str
            default: app_eventloop_lag_seconds
          labels:
            description: Labels the series must have.
            type: dict
          aggregation:
            description: What several series of one instance are put together by.
            type: str
            choices: [sum, mean, max]
            default: max
          scale:
            description: Factor to seconds.
            type: float
            default: 1.0
      utilisation:
        description:
          - Gauge of the part of an instance's working capacity that is in use, from 0 to 1.
          - There is no default, and the utilisation is never derived from other metrics.
        type: dict
        suboptions:
          name:
            description: Name of the metric.
            type: str
          labels:
            description: Labels the series must have.
            type: dict
          aggregation:
            description: What several series of one instance are put together by.
            type: str
            choices: [sum, mean, max]
            default: mean
          scale:
            description: Factor to a part of 1, such as V(0.01) for a percentage.
            type: float
            default: 1.0
      arrivals:
        description:
          - Counter of the messages that arrived.
          - Where it is named, RV(snapshot.arrival_rate) is its growth, and the queues are not added.
        type: dict
        suboptions:
          name:
            description: Name of the metric as it stands on the page, with C(_total) if it has that.
            type: str
          labels:
            description: Labels the series must have.
            type: dict
      completions:
        description:
          - Counter of the messages that were completed.
          - The default is the count of the O(metrics.latency) histogram.
        type: dict
        suboptions:
          name:
            description: Name of the metric as it stands on the page, with C(_total) if it has that.
            type: str
          labels:
            description: Labels the series must have.
            type: dict
      start_time:
        description:
          - Gauge of the time the process began, in unix seconds. The latest counts where there are several.
          - Without it, C(created_at) of the instance stands in, and a restart is known by counters that decrease.
        type: dict
        suboptions:
          name:
            description: Name of the metric.
            type: str
            default: process_start_time_seconds
          labels:
            description: Labels the series must have.
            type: dict
  prometheus:
    description: For O(source=prometheus).
    type: dict
    suboptions:
      url:
        description: URL of the server, to which C(/api/v1/query) is added.
        type: str
      labels:
        description: Labels that all series must have, such as the C(job). As for O(metrics).
        type: dict
      cluster_label:
        description:
          - A label whose value is the name of the cluster, see O(cluster). Each series must have it.
          - With it, M(rlops.autoscale.fleet_decision) asks for each figure once, for all clusters of a server.
        type: str
      window:
        description:
          - Seconds over which rates and quantiles are taken.
          - At least four times the scrape interval of the server, or a missed scrape leaves gaps.
        type: float
        default: 60.0
      instance_label:
        description:
          - Label that tells instances apart.
          - Its value is matched with the host and port of C(metrics_url), with C(address:port), and with C(name).
        type: str
        default: instance
      queries:
        description:
          - PromQL in place of the default expressions, which are derived from O(metrics).
          - The result is one sample, which is the cluster's figure, or one for each value of
            O(prometheus.instance_label).
        type: dict
        suboptions:
          p99_latency:
            description: 99th percentile of the latency, in seconds.
            type: str
          mean_latency:
            description: Mean latency, in seconds.
            type: str
          queue_depth:
            description: Waiting messages.
            type: str
          eventloop_lag:
            description: Lag of the event loop, in seconds.
            type: str
          arrival_rate:
            description: Arrivals per second.
            type: str
          completion_rate:
            description: Completions per second.
            type: str
          utilisation:
            description: Utilisation, from 0 to 1.
            type: str
          age:
            description: Age of the newest sample, in seconds. Where it is not known, nothing shrinks.
            type: str
  file:
    description: For O(source=file).
    type: dict
    suboptions:
      path:
        description:
          - Path of the metrics page.
          - With one of C({name}), C({index}), C({pool}), C({address}) and C({port}) there is one file for each of
            O(instances). Without, each file that the shell pattern finds is an instance, named like the file.
          - A page is as old as its file, and its rates are taken between the times it was written.
        type: path
  interval:
    description:
      - Seconds between two ticks.
      - Counters older than three ticks are not compared with; figures older than two and a half are not valid.
    type: float
    default: 15.0
  min_answered:
    description: Part of the ready instances, above 0 and at most 1, that must answer for the snapshot to be valid.
    type: float
    default: 0.5
  previous:
    description:
      - RV(snapshot.counters) of the earlier snapshot.
      - On the controller the default is what the state of the O(cluster) holds.
    type: dict
  prime_delay:
    description:
      - Seconds between two scrapes when there are no counters to compare with, so that the first snapshot has rates.
      - V(0) scrapes once. Only for O(source=scrape).
    type: float
    default: 2.0
  scrape_via:
    description:
      - Host of the inventory from which the instances, or the Prometheus server, are reached.
      - The module is run there, over the connection that its variables describe and as the user they name, without
        becoming another one.
    type: str
attributes:
  check_mode:
    description: Can run in check mode and tell what it would do.
    support: full
    details: Nothing is changed in any mode.
seealso:
  - name: Prometheus text format
    description: What a metrics page looks like.
    link: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

EXAMPLES = r"""
- name: Observe the instances of the cluster
  rlops.autoscale.metrics_snapshot:
    instances: "{{ status.instances }}"
  register: observed

- name: Say how it is
  ansible.builtin.debug:
    msg: "p99 {{ observed.snapshot.p99_latency_s }} s, {{ observed.snapshot.arrival_rate }} messages/s"

- name: Observe a service with metrics of its own, on two machines
  rlops.autoscale.metrics_snapshot:
    instances:
      - {name: web-1, metrics_url: "https://10.0.0.11:9100/metrics"}
      - {name: web-2, metrics_url: "https://10.0.0.12:9100/metrics"}
    metrics:
      latency:
        name: http_request_duration_milliseconds
        labels: {route: "~/api/.*"}
        scale: 0.001
      queue_depth: {name: http_requests_in_flight}
      eventloop_lag: {name: nodejs_eventloop_lag_seconds}
      arrivals: {name: http_requests_received_total}
    http:
      token: "{{ vault_metrics_token }}"
      ca_path: /etc/ssl/internal-ca.pem

- name: Observe instances that only the jump host can reach
  rlops.autoscale.metrics_snapshot:
    instances: "{{ status.instances }}"
    scrape_via: jump.example.com

- name: Ask the Prometheus server that scrapes them already
  rlops.autoscale.metrics_snapshot:
    source: prometheus
    instances: "{{ status.instances }}"
    prometheus:
      url: http://prometheus.example.com:9090
      labels: {job: chat}
      queries:
        utilisation: avg by (instance) (rate(process_cpu_seconds_total{job="chat"}[1m]))

- name: Read pages that the instances write
  rlops.autoscale.metrics_snapshot:
    source: file
    instances: "{{ status.instances }}"
    file:
      path: /var/lib/chat/{name}.prom
"""

RETURN = r"""
status:
  description:
    - What M(rlops.autoscale.cluster_status) says of the cluster, if it was given or the pools were asked; else null.
  returned: success, from the action plugin
  type: dict
snapshot:
  description: The load of the cluster at one moment. A figure that is not known is null.
  returned: success
  type: dict
  contains:
    cluster:
      description: Name of the cluster.
      returned: success
      type: str
      sample: chat
    source:
      description: Where the metrics came from.
      returned: success
      type: str
      sample: scrape
    at:
      description: When it was observed, in unix seconds.
      returned: success
      type: float
      sample: 1767225600.25
    interval_s:
      description: Seconds between the two scrapes that were compared. Null without an earlier one.
      returned: success
      type: float
      sample: 15.02
    age_s:
      description: Age in seconds of the oldest page, or of Prometheus' newest sample; null where that is not known.
      returned: success
      type: float
      sample: 0.0
    valid:
      description: Whether enough instances answered, with counters that could be compared and are not too old.
      returned: success
      type: bool
      sample: true
    p99_latency_s:
      description: 99th percentile of the latency, in seconds. The highest finite bucket bound where it lies beyond.
      returned: success
      type: float
      sample: 0.187
    mean_latency_s:
      description: Mean latency, in seconds.
      returned: success
      type: float
      sample: 0.043
    queue_depth:
      description: Waiting messages, mean of the ready instances that answered.
      returned: success
      type: float
      sample: 12.5
    queue_total:
      description: Waiting messages of all instances that answered.
      returned: success
      type: float
      sample: 50.0
    eventloop_lag_s:
      description: Largest lag of an event loop, in seconds.
      returned: success
      type: float
      sample: 0.004
    arrival_rate:
      description: Arrivals per second at all instances that answered. Never negative.
      returned: success
      type: float
      sample: 163.2
    completion_rate:
      description: Completions per second of all instances that answered.
      returned: success
      type: float
      sample: 161.8
    utilisation:
      description: Mean utilisation of the ready instances that answered, from 0 to 1.
      returned: success
      type: float
      sample: 0.81
    imbalance:
      description: Largest arrival rate of a ready instance as a multiple of the mean. Null for fewer than two.
      returned: success
      type: float
      sample: 1.15
    expected:
      description: Ready instances that were asked.
      returned: success
      type: int
      sample: 4
    answered:
      description: How many of those gave metrics.
      returned: success
      type: int
      sample: 4
    reasons:
      description: Why a figure is null, by its name; and why the snapshot is not valid, by V(valid).
      returned: success
      type: dict
      sample: {utilisation: no metric is named (metrics.utilisation.name)}
    instances:
      description: What was observed of each ready and draining instance.
      returned: success
      type: list
      elements: dict
      contains:
        name:
          description: Name of the instance.
          returned: success
          type: str
          sample: chat-1
        state:
          description: V(ready) or V(draining).
          returned: success
          type: str
          sample: ready
        ok:
          description: Whether it gave metrics.
          returned: success
          type: bool
          sample: true
        error:
          description: Why it gave none.
          returned: success
          type: str
          sample: Connection refused
        p99_latency_s:
          description: 99th percentile of its latency, in seconds. Null for O(source=prometheus) by default.
          returned: success
          type: float
          sample: 0.19
        queue_depth:
          description: Messages that wait in it.
          returned: success
          type: float
          sample: 14.0
        eventloop_lag_s:
          description: Lag of its event loop, in seconds.
          returned: success
          type: float
          sample: 0.004
        completion_rate:
          description: Completions per second.
          returned: success
          type: float
          sample: 40.1
        utilisation:
          description: Its utilisation, from 0 to 1.
          returned: success
          type: float
          sample: 0.8
    counters:
      description:
        - What the next snapshot is compared with, see O(previous). Its inside is not part of the interface.
        - Empty for O(source=prometheus), which compares by itself.
      returned: success
      type: dict
      sample: {format: 1, at: 1767225600.25, layouts: [[0.1, 0.5]], instances: {}}
    warnings:
      description: What was wrong with the answers, at most eleven lines.
      returned: success
      type: list
      elements: str
      sample: ["1 of 4 ready instances gave no metrics: chat-3 (Connection refused)"]
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rlops.autoscale.plugins.module_utils._errors import AutoscaleError
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot import take_snapshot
from ansible_collections.rlops.autoscale.plugins.module_utils._snapshot_spec import SNAPSHOT_SPEC


def main() -> None:
    module = AnsibleModule(argument_spec=SNAPSHOT_SPEC, supports_check_mode=True)
    try:
        snapshot = take_snapshot(module.params, time.time, time.sleep)
    except AutoscaleError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, snapshot=snapshot)


if __name__ == "__main__":
    main()
