# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects that the double of AWX keeps: their fields, what is unique, and what they are associated with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

APPROVALS = "workflow_approval_templates"
#: What AWX starts, under one endpoint.
STARTED = ("projects", "job_templates", "workflow_job_templates")


@dataclass(frozen=True)
class Field:
    """A field of an object."""

    kind: str  # text, choice, bool, int, dict, variables, link, any
    default: Any = ""
    required: bool = False
    read_only: bool = False
    fixed: bool = False  # may be given once, when the object is made
    choices: tuple[Any, ...] = ()
    low: int | None = 0
    to: str = ""  # of links
    nullable: bool = False
    cascades: bool = False  # whether the object goes with what it links to

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that a link may lead to."""
        if self.to == "unified_job_templates":
            return (*STARTED, APPROVALS)
        return (self.to,) if self.to else ()


@dataclass(frozen=True)
class Resource:
    """A kind of objects."""

    type: str
    fields: dict[str, Field]
    unique: tuple[str, ...] = ("name",)
    relations: dict[str, str] = field(default_factory=dict)  # name -> kind
    pages: tuple[str, ...] = ()
    read_only: bool = False


_TEXT, _BOOL, _NUMBER = Field("text"), Field("bool", False), Field("int", 0)
_DICT, _VARIABLES = Field("dict", {}), Field("variables")
_NAME, _NULL_TEXT = Field("text", required=True), Field("text", None, nullable=True)
_SHOWN = Field("any", "", read_only=True)
_HIDDEN = Field("dict", {}, read_only=True)


def _link(to: str, **more: Any) -> Field:
    return Field("link", None, to=to, nullable=not more.get("required"), **more)


def _choice(*choices: Any, default: Any = "", **more: Any) -> Field:
    return Field("choice", default, choices=choices, **more)


_COMMON = {"name": _NAME, "description": _TEXT}
_ORGANIZATION = {"organization": _link("organizations")}
_TELLS = {f"notification_templates_{event}": "notification_templates" for event in ("started", "success", "error")}
_APPROVALS = {"notification_templates_approvals": "notification_templates"}
_VERBOSITY = _choice(0, 1, 2, 3, 4, 5, default=0)
_PROMPTS = {
    "extra_data": _DICT,
    "inventory": _link("inventories"),
    **dict.fromkeys(("scm_branch", "job_type", "job_tags", "skip_tags", "limit"), _NULL_TEXT),
    "diff_mode": Field("bool", None, nullable=True),
    "verbosity": _choice(0, 1, 2, 3, 4, 5, None, default=None),
    "execution_environment": _link("execution_environments"),
    **{name: Field("int", None, nullable=True) for name in ("forks", "job_slice_count", "timeout")},
}
_ASKED = ("scm_branch", "diff_mode", "variables", "limit", "tags", "skip_tags", "job_type", "verbosity", "inventory")
_ASKED += ("credential", "execution_environment", "labels", "forks", "job_slice_count", "timeout", "instance_groups")

RESOURCES: dict[str, Resource] = {
    "organizations": Resource(
        "organization",
        {**_COMMON, "max_hosts": _NUMBER, "default_environment": _link("execution_environments")},
        relations={
            **_TELLS,
            **_APPROVALS,
            "instance_groups": "instance_groups",
            "galaxy_credentials": "credentials",
        },
    ),
    "credential_types": Resource(
        "credential_type",
        {
            **_COMMON,
            "kind": _choice("cloud", "net", "ssh", "vault", "scm", "registry", required=True),
            "managed": Field("bool", False, read_only=True),
            "inputs": _DICT,
            "injectors": _DICT,
        },
        unique=("name", "kind"),
    ),
    "credentials": Resource(
        "credential",
        {
            **_COMMON,
            "organization": _link("organizations", cascades=True),
            "credential_type": _link("credential_types", required=True),
            "managed": Field("bool", False, read_only=True),
            "inputs": _DICT,
        },
        unique=("organization", "name", "credential_type"),
    ),
    "execution_environments": Resource(
        "execution_environment",
        {
            **_COMMON,
            "organization": _link("organizations", cascades=True),
            "image": _NAME,
            "managed": Field("bool", False, read_only=True),
            "credential": _link("credentials"),
            "pull": _choice("", "always", "missing", "never"),
        },
    ),
    "projects": Resource(
        "project",
        {
            **_COMMON,
            **_ORGANIZATION,
            "scm_type": _choice("", "git", "svn", "insights", "archive"),
            **dict.fromkeys(("local_path", "scm_url", "scm_branch", "scm_refspec"), _TEXT),
            **dict.fromkeys(("scm_clean", "scm_track_submodules", "scm_delete_on_update"), _BOOL),
            **dict.fromkeys(("scm_update_on_launch", "allow_override"), _BOOL),
            **dict.fromkeys(("timeout", "scm_update_cache_timeout"), _NUMBER),
            "credential": _link("credentials"),
            "default_environment": _link("execution_environments"),
            "signature_validation_credential": _link("credentials"),
            "scm_revision": _SHOWN,
            "status": Field("any", "never updated", read_only=True),
            "current_update": Field("any", None, read_only=True),
        },
        unique=("name", "organization"),
        relations=_TELLS,
        pages=("update", "playbooks"),
    ),
    "inventories": Resource(
        "inventory",
        {
            **_COMMON,
            "organization": _link("organizations", required=True),
            "kind": _choice("", "smart", "constructed"),
            "host_filter": _NULL_TEXT,
            "variables": _VARIABLES,
            "prevent_instance_group_fallback": _BOOL,
            "pending_deletion": Field("bool", False, read_only=True),
        },
        unique=("name", "organization"),
        relations={"instance_groups": "instance_groups"},
    ),
    "hosts": Resource(
        "host",
        {
            **_COMMON,
            "inventory": _link("inventories", required=True, fixed=True, cascades=True),
            "enabled": Field("bool", True),
            "instance_id": _TEXT,
            "variables": _VARIABLES,
        },
        unique=("name", "inventory"),
    ),
    "groups": Resource(
        "group",
        {
            **_COMMON,
            "inventory": _link("inventories", required=True, fixed=True, cascades=True),
            "variables": _VARIABLES,
        },
        unique=("name", "inventory"),
        relations={"hosts": "hosts", "children": "groups"},
    ),
    "notification_templates": Resource(
        "notification_template",
        {
            **_COMMON,
            "organization": _link("organizations", required=True, cascades=True),
            "notification_type": _choice("webhook", required=True),
            "notification_configuration": _DICT,
            "messages": Field(
                "dict", {"started": None, "success": None, "error": None, "workflow_approval": None}, nullable=True
            ),
        },
        unique=("organization", "name"),
    ),
    "job_templates": Resource(
        "job_template",
        {
            **_COMMON,
            "organization": _link("organizations", read_only=True),
            "job_type": _choice("run", "check", default="run"),
            "inventory": _link("inventories"),
            "project": _link("projects"),
            "execution_environment": _link("execution_environments"),
            **dict.fromkeys(("playbook", "scm_branch", "limit", "job_tags", "skip_tags", "start_at_task"), _TEXT),
            "host_config_key": _TEXT,
            "webhook_service": _choice("", "github", "gitlab", "bitbucket_dc"),
            "webhook_credential": _link("credentials"),
            "extra_vars": _VARIABLES,
            "verbosity": _VERBOSITY,
            "forks": _NUMBER,
            "job_slice_count": Field("int", 1),
            "timeout": Field("int", 0, low=None),
            **dict.fromkeys(("force_handlers", "use_fact_cache", "survey_enabled", "become_enabled"), _BOOL),
            **dict.fromkeys(("diff_mode", "allow_simultaneous", "prevent_instance_group_fallback"), _BOOL),
            **{f"ask_{name}_on_launch": _BOOL for name in _ASKED},
            "survey_spec": _HIDDEN,
        },
        unique=("name", "organization"),
        relations={
            **_TELLS,
            "credentials": "credentials",
            "instance_groups": "instance_groups",
        },
        pages=("survey_spec",),
    ),
    "workflow_job_templates": Resource(
        "workflow_job_template",
        {
            **_COMMON,
            **_ORGANIZATION,
            "inventory": _link("inventories"),
            "extra_vars": _VARIABLES,
            **dict.fromkeys(("limit", "scm_branch", "skip_tags", "job_tags"), _NULL_TEXT),
            "webhook_service": _choice("", "github", "gitlab", "bitbucket_dc"),
            "webhook_credential": _link("credentials"),
            **dict.fromkeys(("survey_enabled", "allow_simultaneous"), _BOOL),
            **{
                f"ask_{name}_on_launch": _BOOL
                for name in ("variables", "inventory", "scm_branch", "limit", "labels", "skip_tags", "tags")
            },
            "survey_spec": _HIDDEN,
        },
        unique=("name", "organization"),
        relations={**_TELLS, **_APPROVALS},
        pages=("survey_spec",),
    ),
    "workflow_job_template_nodes": Resource(
        "workflow_job_template_node",
        {
            "identifier": _NAME,
            "workflow_job_template": _link("workflow_job_templates", required=True, fixed=True, cascades=True),
            "unified_job_template": _link("unified_job_templates"),
            "all_parents_must_converge": _BOOL,
            **_PROMPTS,
        },
        unique=("identifier", "workflow_job_template"),
        relations={
            **dict.fromkeys(("success_nodes", "failure_nodes", "always_nodes"), "workflow_job_template_nodes"),
            "credentials": "credentials",
            "instance_groups": "instance_groups",
        },
        pages=("create_approval_template",),
    ),
    APPROVALS: Resource(
        "workflow_approval_template",
        {**_COMMON, "timeout": _NUMBER},
        unique=(),
    ),
    "schedules": Resource(
        "schedule",
        {
            **_COMMON,
            "unified_job_template": _link("unified_job_templates", required=True, cascades=True),
            "enabled": Field("bool", True),
            "rrule": _NAME,
            **_PROMPTS,
        },
        unique=("unified_job_template", "name"),
        relations={"credentials": "credentials", "instance_groups": "instance_groups"},
    ),
    "instance_groups": Resource("instance_group", {"name": _NAME}, read_only=True),
    "inventory_sources": Resource(
        "inventory_source",
        {
            **_COMMON,
            "inventory": _link("inventories", cascades=True),
            "source_project": _link("projects"),
        },
        relations={"credentials": "credentials"},
        read_only=True,
    ),
    "teams": Resource("team", {**_COMMON, "organization": _link("organizations", cascades=True)}, read_only=True),
    "applications": Resource(
        "o_auth2_application", {**_COMMON, "organization": _link("organizations", cascades=True)}, read_only=True
    ),
}
