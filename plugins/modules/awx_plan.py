#!/usr/bin/python

# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: awx_plan
short_description: Plan what AWX needs to run the agent
version_added: 0.1.0
description:
  - Checks the options, looks at what there is in AWX, and says what the modules of C(awx.awx) have to be given so that
    all is there which the agent needs. It changes nothing itself. The role P(rlops.autoscale.awx#role) has it done.
  - What is wrong is said before anything is made. That is so for a schedule that starts a job before the last one can
    have ended, for a setting that does not exist, and for an object that other people have made under the same name.
  - "All that is made has a description that ends with C([rlops.autoscale.awx: prefix]). By that it is known again, and
    what has another one is left alone."
author:
  - rlops.autoscale contributors (@rlops)
requirements:
  - the collection C(awx.awx) where Ansible runs
attributes:
  check_mode:
    support: full
    description: Also says of each object that is not there yet that it would be made.
  diff_mode:
    support: none
    description: There is nothing to compare.
  idempotent:
    support: full
    description: It only looks.
options:
  state:
    description:
      - Whether the plan shall make what is wanted, or remove what was made.
      - To remove, O(organization) and O(prefix) are enough.
    type: str
    choices: [present, absent]
    default: present
  controller:
    description:
      - How AWX is reached, as options of the modules of C(awx.awx), such as C(controller_host).
      - What is not given is taken from the environment, as by these modules, such as C(CONTROLLER_HOST) and
        C(CONTROLLER_OAUTH_TOKEN).
    type: dict
    default: {}
  prefix:
    description: How the names of all objects begin, but that of the organization and those of hosts and the group.
    type: str
    default: autoscale
  organization:
    description:
      - The organization of all objects. It is made if it is not there.
      - One that was there before is used as it is, and never removed.
    type: str
    required: true
  project:
    description:
      - Where the playbooks come from; one of O(project.scm_url), O(project.local_path) and O(project.name) is needed.
      - AWX runs only playbooks that are in the project. Each needs but one line, with
        C(import_playbook); the guide of AWX has them.
    type: dict
    suboptions:
      name:
        description:
          - Its name; by default the prefix and C(project).
          - Alone, it names one that is there already.
        type: str
      scm_url:
        description: The git repository.
        type: str
      scm_branch:
        description: The branch, tag or commit; by default that of the repository.
        type: str
        default: ""
      credential:
        description: The credential of AWX that reads the repository. It has to be there already.
        type: str
      update_on_launch:
        description: Whether each job fetches the repository first. With jobs each minute that costs much of it.
        type: bool
        default: false
      cache_timeout:
        description: Seconds for which a job does not fetch again, with O(project.update_on_launch).
        type: int
        default: 0
      local_path:
        description: A directory among the projects on AWX's own disk, for a project that is not fetched.
        type: str
  execution_environment:
    description: The image that jobs run in. By default it is that of AWX, which does not have the collection.
    type: dict
    suboptions:
      name:
        description:
          - Its name; by default the prefix and C(execution environment).
          - Without an image, it names one that is there already.
        type: str
      image:
        description: The image, such as V(registry.example.org/platform/autoscale-ee:1.0).
        type: str
      pull:
        description: When AWX fetches the image.
        type: str
        choices: [always, missing, never]
        default: missing
      credential:
        description: The credential of AWX for the registry. It has to be there already.
        type: str
  clusters:
    description:
      - The variables of each cluster, by its name. Needed unless O(state=absent).
      - Each becomes a host of an inventory, in the group C(autoscaled). No secrets belong here, see O(environment).
      - A name begins with a letter or digit, goes on with these and C(_.-), and has at most 100 characters, so that
        alerts can name it, too. It is not a number, which AWX would take for an id.
    type: dict
  cluster_variables:
    description:
      - Variables of all clusters, those of the group.
      - C(ansible_connection) is C(local), and C(ansible_python_interpreter) that of the job's Ansible, unless they say
        otherwise.
      - C(autoscale_deadline) is the shortest interval of the schedules less O(start_overhead), unless it is given.
    type: dict
    default: {}
  environment:
    description:
      - Variables for the environment of jobs. For each there are a credential type and a credential in AWX.
      - With V(RL_STATE_URI) or V(RL_STATE_DIR) in it, state is kept there. Without them it is among the facts that AWX
        keeps of each cluster.
      - Names that begin with C(ANSIBLE_) are refused by AWX, and so here.
    type: dict
    default: {}
  credentials:
    description: Credentials for all jobs that are in AWX already, such as those of a cloud.
    type: list
    elements: str
    default: []
  instance_groups:
    description: The instance groups that jobs run on, in order of preference. They have to be there already.
    type: list
    elements: str
    default: []
  forks:
    description:
      - How many clusters of a job go on at a time. Each that ticks needs a fork of its own.
      - By default there are enough for all clusters of a slice, from 5 to 200, which is AWX's own limit.
    type: int
  slices:
    description: Into how many jobs AWX divides the clusters, each time.
    type: int
    default: 1
  start_overhead:
    description: Seconds from the moment of a schedule until the first tick. AWX looks each 20 to 30 s what is to start.
    type: int
    default: 15
  templates:
    description: What else to say of the job templates.
    type: dict
    suboptions:
      autoscale: &template
        description: The template that this is about.
        type: dict
        suboptions:
          enabled:
            description: Whether there is such a template.
            type: bool
            default: true
          playbook:
            description: The file in the project; by default the name of the template and C(.yml).
            type: str
          forks:
            description: Instead of O(forks).
            type: int
          slices:
            description: Instead of O(slices). The templates C(scale), C(approve) and C(backtest) have none.
            type: int
          timeout:
            description: Seconds after which AWX ends a job. The default suits to what it does.
            type: int
          verbosity:
            description: How much the job says.
            type: int
            choices: [0, 1, 2, 3, 4, 5]
            default: 0
          instance_groups:
            description: Instead of O(instance_groups).
            type: list
            elements: str
          extra_vars:
            description: Variables of the job, which go before all others.
            type: dict
            default: {}
          ask_variables:
            description:
              - Whether who starts the job may set any variable, and so any setting of a cluster.
              - By default only those of the survey get through.
            type: bool
            default: false
      recommend: *template
      decide: *template
      act: *template
      scale: *template
      approve: *template
      backtest: *template
  workflow:
    description: The workflow that decides, asks a person, and acts.
    type: dict
    suboptions:
      enabled:
        description: Whether there is one. It needs the templates C(decide) and C(act).
        type: bool
        default: true
      approval:
        description: Whether a person is asked in between.
        type: bool
        default: true
      approval_timeout:
        description: Seconds that an answer may take, after which the workflow ends without acting. At most an hour, for
          which a decision holds.
        type: int
        default: 600
      ask_variables:
        description: As O(templates.autoscale.ask_variables).
        type: bool
        default: false
  schedules:
    description:
      - When what is started. Of V(autoscale), V(recommend) and V(workflow) only one can be, for each would decide
        against the other.
    type: list
    elements: dict
    default: [{template: autoscale, every: 1, unit: minutes}]
    suboptions:
      template:
        description: What is started.
        type: str
        choices: [autoscale, recommend, backtest, workflow]
        required: true
      name:
        description: Its name; by default that of the template, and when.
        type: str
      enabled:
        description: Whether AWX goes by it.
        type: bool
        default: true
      every:
        description: As for P(rlops.autoscale.rrule#filter), with the same default; so are the other options of when.
        type: int
      unit:
        description: What is counted.
        type: str
        choices: [minutes, hours, days, weeks, months]
      start:
        description: The first time.
        type: str
      timezone:
        description: The zone of O(schedules[].start) and O(schedules[].until).
        type: str
      until:
        description: The last time.
        type: str
      count:
        description: How often.
        type: int
      on_days:
        description: Only on these days of the week.
        type: list
        elements: str
      on_dates:
        description: Only on these days of the month.
        type: list
        elements: int
      rrule:
        description: A rule written by hand instead.
        type: str
  notifications:
    description: Whom AWX tells of jobs.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its name, which comes after the prefix.
        type: str
        required: true
      type:
        description: What AWX calls the kind of notification, such as V(webhook), V(slack) or V(email).
        type: str
        default: webhook
      configuration:
        description:
          - What AWX has to know, as it calls it. A webhook needs C(url); there are C(headers), C(http_method),
            C(username), C(password) and C(disable_ssl_verification).
          - Of other kinds, all that AWX knows has to be given.
        type: dict
        required: true
      events:
        description: What it tells of. Approvals are those that a workflow waits for.
        type: list
        elements: str
        choices: [started, success, error, approvals]
        default: [error, approvals]
      templates:
        description:
          - Of which jobs.
          - Errors of V(workflow) are also those of C(decide), for that one does not make the workflow fail.
        type: list
        elements: str
        choices: [autoscale, recommend, decide, act, scale, approve, backtest, workflow]
        default: [autoscale, recommend, decide, act, scale, approve, backtest, workflow]
  adopt:
    description: Whether to take over objects of the same name that other people have made. They can be removed then.
    type: bool
    default: false
  prune:
    description:
      - Whether to remove what was made with the prefix and is not wanted any more, such as a cluster that is gone from
        O(clusters), with what it has learned where that is among its facts.
      - By default it is only named, except for schedules, which are always removed, since one that stayed would go on
        to start jobs.
    type: bool
    default: false
  update_secrets:
    description:
      - Whether to write secrets that are there already. AWX does not show them, so that this is a change at each run.
      - That is for notifications with a password, too, which are else left as they are once they are there.
    type: bool
    default: false
seealso:
  - plugin: rlops.autoscale.rrule
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Plan what is needed to scale a cluster each minute
  rlops.autoscale.awx_plan:
    organization: Platform
    project:
      scm_url: https://git.example.org/platform/autoscale.git
    clusters:
      chat:
        autoscale_pools:
          - {backend: ec2_group, group: chat}

- name: Plan to remove all of it
  rlops.autoscale.awx_plan:
    organization: Platform
    state: absent
"""

RETURN = r"""
plan:
  description: What to make, by kind as AWX's API names it, in lists of arguments for the module of the kind.
  returned: success
  type: dict
remove:
  description: What to remove, by kind, the users of a thing before it.
  returned: success
  type: dict
missing:
  description: What is wanted and not there.
  returned: success
  type: list
  elements: str
  sample: [job template autoscale]
kept:
  description: What was made and would have to go, but stays, since somebody else uses it.
  returned: success
  type: list
  elements: str
  sample: [inventory autoscale with its hosts (job template deploy uses it)]
"""
