# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there shall be in AWX, worked out of the options alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rlops.autoscale.plugins.module_utils._errors import OptionError
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx import _timing
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._checks import (
    approval_timeout,
    at_least,
    check_environment,
    check_name,
    check_prefix,
    check_webhook,
    clusters_of,
    plain,
    refuse_twice,
    refuse_unknown_settings,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._kinds import (
    CREDENTIAL_TYPES,
    CREDENTIALS,
    EXECUTION_ENVIRONMENTS,
    GROUPS,
    HOSTS,
    INSTANCE_GROUPS,
    INVENTORIES,
    JOB_TEMPLATES,
    NODES,
    NOTIFICATIONS,
    ORGANIZATIONS,
    PROJECTS,
    SCHEDULES,
    STARTED,
    WORKFLOWS,
    Key,
    Wanted,
    mark,
)
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._spec import PLAYBOOKS, WORKFLOW
from ansible_collections.rlops.autoscale.plugins.plugin_utils._awx._surveys import SURVEYS
from ansible_collections.rlops.autoscale.plugins.plugin_utils._inventory import GROUP

#: Variables of the jobs' environment that say where state is; without one it is among the facts of each cluster.
STATE_URI, STATE_DIRECTORY = "RL_STATE_URI", "RL_STATE_DIR"
#: Templates of which each cluster is in one slice of a job.
FLEET = ("autoscale", "recommend", "decide", "act")

_PURPOSES = {
    "autoscale": "Observes, decides and scales until the next one is started.",
    "recommend": "Observes, decides and says what it would do. Scales nothing.",
    "decide": "Decides once, for the workflow.",
    "act": "Carries out what was decided in the workflow.",
    "scale": "Scales one cluster by hand.",
    "approve": "Answers a cluster that waits for approval.",
    "backtest": "Asks how policies would have done on the past of a cluster.",
}
#: What a template runs with, unless its option extra_vars says otherwise.
_VARIABLES: dict[str, dict[str, Any]] = {
    "recommend": {"autoscale_mode": "recommend"},
    "backtest": {"report": ""},  # the table is in the output; a page would be lost with the job's directory
}
#: A host variable of each cluster. The interpreter is that of the job's own Ansible, which has what the agent needs.
_LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}


@dataclass
class Wish:
    """All that shall be there, and what has to be there already."""

    prefix: str
    organization: str
    objects: list[Wanted] = field(default_factory=list)
    nodes: list[Wanted] = field(default_factory=list)  # of the workflow; they have no description
    #: Objects of other people that are used: key -> the option that names them.
    needed: dict[Key, str] = field(default_factory=dict)
    #: The playbooks that the project has to have -> the option that names them.
    playbooks: dict[str, str] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """What the description of each object ends with."""
        return mark(self.prefix)

    def add(self, kind: str, name: str, purpose: str, arguments: Mapping[str, Any], uses: Iterable[Key] = ()) -> Key:
        """One more object."""
        own = {"description": f"{purpose} {self.mark}", **arguments}
        self.objects.append(Wanted(kind, name, own, tuple(uses)))
        return kind, name

    def of(self, kind: str) -> list[Wanted]:
        """The objects of a kind."""
        return [each for each in self.objects if each.kind == kind]


def wish(options: Mapping[str, Any], settings: Collection[str]) -> Wish:
    """What the options ask for. ``settings`` are the names of a cluster's settings. Raises OptionError."""
    made = Wish(check_prefix(options["prefix"]), check_name("organization", options["organization"]))
    return _Wishing(made, options, settings).made


class _Wishing:
    """Works it out, kind by kind, in the order in which objects are made."""

    def __init__(self, made: Wish, options: Mapping[str, Any], settings: Collection[str]) -> None:
        self.made = made
        self._options = options
        for option in ("forks", "slices"):
            at_least(option, options[option], 1)
        self._clusters = clusters_of(options, settings)
        self._templates = _enabled_templates(options, settings)
        self._in_facts = STATE_URI not in options["environment"] and STATE_DIRECTORY not in options["environment"]
        self._timing = _timing.timing(options, self._clusters, self._templates)
        self._base: list[Key] = [
            made.add(ORGANIZATIONS, made.organization, "Scales services by what their users feel.", {})
        ]
        self._own_credentials = self._environment()
        self._image = self._execution_environment()
        self._project = self._projects()
        self._inventory = self._inventories()
        self._told = self._notifications()
        self._keys = {name: self._job_template(name) for name in self._templates}
        if options["workflow"]["enabled"]:
            self._keys[WORKFLOW] = self._workflow()
        self._schedules()
        refuse_twice((each.name for each in made.objects if each.kind in STARTED), "project.name")

    @property
    def _name(self) -> str:
        return self.made.prefix

    def _environment(self) -> list[Key]:
        """A credential type and a credential for each variable of the jobs' environment.

        One for each: AWX refuses to change what fields a type has once there is a credential of it.
        """
        check_environment(self._options["environment"])
        keys = []
        for variable in sorted(self._options["environment"]):
            secret = variable != STATE_DIRECTORY
            name = f"{self._name} {variable}"
            kind = {
                "kind": "cloud",
                "inputs": {
                    "fields": [{"id": "value", "type": "string", "label": variable, "secret": secret}],
                    "required": ["value"],
                },
                "injectors": {"env": {variable: "{{ value }}"}},
            }
            made = self.made.add(CREDENTIAL_TYPES, name, f"Sets {variable} in the environment of jobs.", kind)
            arguments = {"credential_type": name, "variable": variable}
            uses = [*self._base, made]
            keys.append(self.made.add(CREDENTIALS, name, f"The value of {variable}.", arguments, uses))
        return keys

    def _need(self, kind: str, name: str, option: str) -> Key:
        """Something that other people have made."""
        self.made.needed[(kind, check_name(option, name))] = option
        return kind, name

    def _execution_environment(self) -> Key | None:
        given = self._options["execution_environment"]
        if given is None:
            return None
        name = given["name"] or f"{self._name} execution environment"
        if not given["image"]:
            if not given["name"]:
                raise OptionError("execution_environment", "an image, or the name of what is there, is expected")
            return self._need(EXECUTION_ENVIRONMENTS, name, "execution_environment.name")
        if given["credential"]:
            self._need(CREDENTIALS, given["credential"], "execution_environment.credential")
        arguments = {name: given[name] for name in ("image", "pull", "credential")}
        check_name("execution_environment.name", name)
        return self.made.add(EXECUTION_ENVIRONMENTS, name, "Has rlops.autoscale in it.", arguments, self._base)

    def _projects(self) -> Key:
        given = self._options["project"]
        if given is None:
            raise OptionError("project", "scm_url, local_path, or the name of what is there, is expected, got nothing")
        name = check_name("project.name", given["name"] or f"{self._name} project")
        if given["scm_url"] and given["local_path"]:
            raise OptionError("project", "either scm_url or local_path is expected, got both")
        if given["scm_url"]:
            if given["credential"]:
                self._need(CREDENTIALS, given["credential"], "project.credential")
            arguments = {
                "scm_type": "git",
                **{option: given[option] for option in ("scm_url", "scm_branch", "credential")},
                "scm_update_on_launch": given["update_on_launch"],
                "scm_update_cache_timeout": given["cache_timeout"],
            }
        elif given["local_path"]:
            arguments = {"scm_type": "manual", "local_path": given["local_path"]}
        elif given["name"]:
            return self._need(PROJECTS, name, "project.name")
        else:
            raise OptionError("project", "scm_url, local_path, or the name of what is there, is expected")
        return self.made.add(PROJECTS, name, "The playbooks of rlops.autoscale.", arguments, self._base)

    def _inventories(self) -> Key:
        """One host a cluster, so that AWX keeps the facts of each, and a slice of a job has whole clusters."""
        key = self.made.add(INVENTORIES, self._name, "Each host is a cluster.", {}, self._base)
        hosts = [
            self.made.add(
                HOSTS,
                cluster,
                "A service and all its instances.",
                {"inventory": self._name, "variables": variables},
                [key],
            )
            for cluster, variables in self._clusters.items()
        ]
        variables = _LOCAL | self._timing.group_variables | plain(self._options["cluster_variables"])
        arguments = {"inventory": self._name, "variables": variables, "hosts": list(self._clusters)}
        self.made.add(GROUPS, GROUP, "What rlops.autoscale scales.", arguments, [key, *hosts])
        return key

    def _notifications(self) -> list[tuple[Key, Mapping[str, Any]]]:
        told = []
        for place, given in enumerate(self._options["notifications"]):
            name = f"{self._name} {check_name(f'notifications[{place}].name', given['name'])}"
            if given["type"] == "webhook":
                check_webhook(f"notifications[{place}].configuration", given["configuration"])
            arguments = {"notification_type": given["type"], "place": place}
            told.append((self.made.add(NOTIFICATIONS, name, "Tells people of jobs.", arguments, self._base), given))
        refuse_twice((key[1] for key, _given in told), "notifications")
        return told

    def _tell(self, template: str, events: Iterable[str]) -> tuple[dict[str, list[str]], list[Key]]:
        """Whom a template tells of what, as arguments and as what it uses."""
        told = {
            event: [
                key
                for key, given in self._told
                if event in given["events"] and self._is_about(given["templates"], template, event)
            ]
            for event in events
        }
        arguments = {f"notification_templates_{event}": [key[1] for key in keys] for event, keys in told.items()}
        return arguments, [key for keys in told.values() for key in keys]

    def _is_about(self, chosen: Collection[str], template: str, event: str) -> bool:
        """A workflow does not count as failed where its `decide` did, for it goes on; so that is told of with it."""
        of_workflow = self._options[WORKFLOW]["enabled"] and (template, event) == ("decide", "error")
        return template in chosen or (of_workflow and WORKFLOW in chosen)

    def _job_template(self, template: str) -> Key:
        given = self._options["templates"][template]
        option = f"templates.{template}"
        playbook = given["playbook"] or PLAYBOOKS[template]
        self.made.playbooks[playbook] = f"{option}.playbook"
        slices = at_least(f"{option}.slices", given["slices"], 1, default=self._options["slices"])
        if template not in FLEET:
            slices = 1
        groups = self._options["instance_groups"] if given["instance_groups"] is None else given["instance_groups"]
        tells, uses = self._tell(template, ("started", "success", "error"))
        timeout = at_least(f"{option}.timeout", given["timeout"], 1, default=self._timing.timeouts[template])
        longest = _timing.longest_deadline(timeout)
        survey = SURVEYS[template](list(self._clusters), longest) if template in SURVEYS else {}
        arguments = {
            "project": self._project[1],
            "playbook": playbook,
            "inventory": self._inventory[1],
            "execution_environment": self._image[1] if self._image else None,
            "credentials": [
                *(name for _kind, name in self._own_credentials),
                *(self._need(CREDENTIALS, name, "credentials")[1] for name in self._options["credentials"]),
            ],
            "instance_groups": [self._need(INSTANCE_GROUPS, name, f"{option}.instance_groups")[1] for name in groups],
            "forks": at_least(f"{option}.forks", given["forks"], 1, default=self._forks(slices)),
            "job_slice_count": slices,
            "timeout": timeout,
            "verbosity": given["verbosity"],
            "use_fact_cache": self._in_facts and template != "backtest",
            "ask_variables_on_launch": given["ask_variables"],
            "extra_vars": _VARIABLES.get(template, {}) | plain(given["extra_vars"]),
            "survey_enabled": bool(survey),
            "survey_spec": survey,
            **tells,
        }
        uses += [*self._base, self._inventory, *self._own_credentials]
        uses += [key for key in (self._project, self._image) if key is not None]
        name = self._name if template == "autoscale" else f"{self._name} {template}"
        return self.made.add(JOB_TEMPLATES, name, _PURPOSES[template], arguments, uses)

    def _forks(self, slices: int) -> int:
        """Each cluster of a job ticks in a fork of its own. AWX allows 200 by default."""
        return self._options["forks"] or min(200, max(5, -(-len(self._clusters) // slices)))

    def _workflow(self) -> Key:
        given = self._options[WORKFLOW]
        for template in ("decide", "act"):
            if template not in self._keys:
                raise OptionError("workflow", f"templates.{template} is expected to be enabled with it")
        tells, uses = self._tell(WORKFLOW, ("started", "success", "error", "approvals"))
        arguments = {
            "ask_variables_on_launch": given["ask_variables"],
            "survey_enabled": True,
            "survey_spec": SURVEYS[WORKFLOW](list(self._clusters), 0),
            **tells,
        }
        decide, act = self._keys["decide"], self._keys["act"]
        name = f"{self._name} {WORKFLOW}"
        purpose = "Decides, asks a person, and acts." if given["approval"] else "Decides, then acts."
        key = self.made.add(WORKFLOWS, name, purpose, arguments, [*uses, *self._base, decide, act])
        # The last one first: a node is told what comes after it.
        nodes = [Wanted(NODES, "act", {"unified_job_template": act[1]}, (key, act))]
        if given["approval"]:
            timeout = approval_timeout(given["approval_timeout"])
            asked = {"name": f"{self._name}: act as decided?", "description": self.made.mark, "timeout": timeout}
            # In two steps: the module of awx.awx would link the approval itself, which AWX does not know.
            nodes.append(Wanted(NODES, "approve", {"approval_node": asked}, (key,)))
            nodes.append(Wanted(NODES, "approve", {"success_nodes": ["act"]}, (key,)))
        # Always: where it fails for some of the clusters, the others shall not wait. What was not decided is not done.
        arguments = {"unified_job_template": decide[1], "always_nodes": [nodes[-1].name]}
        self.made.nodes += [*nodes, Wanted(NODES, "decide", arguments, (key, decide))]
        return key

    def _schedules(self) -> None:
        for place, given in enumerate(self._options["schedules"]):
            key = self._keys[given["template"]]
            name = given["name"] or f"{key[1]}, {_timing.in_words(given)}"
            check_name(f"schedules[{place}].name", name)
            arguments = {
                "unified_job_template": key[1],
                "rrule": self._timing.recurrences[place].text,
                "enabled": given["enabled"],
            }
            self.made.add(SCHEDULES, name, f"Starts {key[1]}.", arguments, [key])
        refuse_twice((each.name for each in self.made.of(SCHEDULES)), "schedules")


def _enabled_templates(options: Mapping[str, Any], settings: Collection[str]) -> list[str]:
    templates = [name for name in PLAYBOOKS if options["templates"][name]["enabled"]]
    for name in templates:
        refuse_unknown_settings(f"templates.{name}.extra_vars", options["templates"][name]["extra_vars"], settings)
    started = {*templates, *([WORKFLOW] if options[WORKFLOW]["enabled"] else [])}
    for place, schedule in enumerate(options["schedules"]):
        if schedule["template"] not in started:
            raise OptionError(f"schedules[{place}].template", f"{schedule['template']} is not enabled")
    return templates
