# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWX 24.6.1 refuses, written anew for its double from what its serializers and fields do."""

from __future__ import annotations

import copy
import re
from typing import Any

import yaml
from ansible_collections.rlops.autoscale.tests.tools.awx_schema import Field
from dateutil import rrule
from dateutil.tz import tzutc
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

ENCRYPTED = "$encrypted$"
MAX_FORKS = 200

Record = dict[str, Any]

_FORBIDDEN = (
    *("VIRTUAL_ENV", "PATH", "PYTHONPATH", "JOB_ID", "INVENTORY_ID", "INVENTORY_SOURCE_ID", "INVENTORY_UPDATE_ID"),
    *("AD_HOC_COMMAND_ID", "REST_API_URL", "REST_API_TOKEN", "MAX_EVENT_RES", "CALLBACK_QUEUE", "CALLBACK_CONNECTION"),
    *("CACHE", "JOB_CALLBACK_DEBUG", "INVENTORY_HOSTVARS", "AWX_HOST", "PROJECT_REVISION", "SUPERVISOR_CONFIG_PATH"),
)
_WEBHOOK: dict[str, tuple[type, Any]] = {
    "url": (str, None),
    "http_method": (str, "POST"),
    "disable_ssl_verification": (bool, False),
    "username": (str, ""),
    "password": (str, ""),
    "headers": (dict, None),
}
_ANSWERS: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "textarea": str,
    "password": str,
    "multiplechoice": str,
    "multiselect": str,
    "integer": int,
    "float": (float, int),
}


class RefusedError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


def valid(name: str, of: Field, value: Any) -> Any:
    """A value as AWX keeps it."""

    def wrong(message: str) -> RefusedError:
        return RefusedError(400, {name: [message]})

    if value is None:
        # Null becomes what is nothing of a kind, except where null is something.
        nothing = {"text": "", "choice": of.default, "variables": "", "bool": False}
        if of.nullable or of.kind not in nothing:
            if not of.nullable:
                raise wrong("This field may not be null.")
            return None
        return nothing[of.kind]
    match of.kind:
        case "text" if not isinstance(value, str):
            raise wrong("Not a valid string.")
        case "choice" if value not in of.choices or isinstance(value, bool):
            raise wrong(f'"{value}" is not a valid choice.')
        case "bool" if not isinstance(value, bool):
            raise wrong("Must be a valid boolean.")
        case "int" if not isinstance(value, int) or isinstance(value, bool):
            raise wrong("A valid integer is required.")
        case "int" if of.low is not None and value < of.low:
            raise wrong(f"Ensure this value is greater than or equal to {of.low}.")
        case "dict" if not isinstance(value, dict):
            raise wrong("Expected a dictionary.")
        case "variables":
            if not isinstance(value, str):
                raise wrong("Not a valid string.")
            try:
                read = yaml.safe_load(value)
            except yaml.YAMLError as error:
                raise wrong(f"Cannot parse as JSON or YAML: {error}") from error
            if not isinstance(read, dict | None):
                raise wrong("Variables must be a dictionary.")
        case "link" if value == "":
            return None
        case "link":
            if not isinstance(value, int) or isinstance(value, bool):
                raise wrong(f"Incorrect type. Expected pk value, received {type(value).__name__}.")
    return value


def encrypted(kind: str, record: Record, credential_type: Record | None) -> tuple[Record, Record]:
    """A record as it is kept, and its secrets beside it, by their names. One that is sent back as shown stays."""
    record, secrets = copy.deepcopy(record), {}
    if kind == "credentials" and credential_type is not None:
        holder = record["inputs"]
        names = [each["id"] for each in credential_type["inputs"].get("fields", []) if each.get("secret")]
    elif kind == "notification_templates":
        holder, names = record["notification_configuration"], ["password"]
    else:
        return record, {}
    for name in names:
        if holder.get(name) and holder[name] != ENCRYPTED:
            secrets[name] = holder[name]
            holder[name] = ENCRYPTED
    return record, secrets


def check_credential_type(record: Record) -> None:
    """Its fields, and what it injects."""
    if record["kind"] not in ("cloud", "net"):
        raise RefusedError(400, {"kind": [f"Must be 'cloud' or 'net', not {record['kind']}"]})
    inputs, injectors = record["inputs"], record["injectors"]
    if inputs.keys() - {"fields", "required"}:
        raise RefusedError(400, {"inputs": ["Additional properties are not allowed"]})
    known = {
        "type",
        "format",
        "choices",
        "id",
        "label",
        "help_text",
        "multiline",
        "secret",
        "ask_at_runtime",
        "default",
    }
    names = []
    for each in inputs.get("fields", []):
        if each.keys() - known or not {"id", "label"} <= each.keys():
            raise RefusedError(400, {"inputs": [f"Schema validation error in {each}"]})
        if not re.fullmatch(r"[a-zA-Z_]+[a-zA-Z0-9_]*", each["id"]) or each["id"] in ("tower", *names):
            raise RefusedError(400, {"inputs": [f"{each['id']} is an invalid variable name"]})
        if each.get("ask_at_runtime"):
            raise RefusedError(400, {"inputs": ["'ask_at_runtime' is not supported for custom credentials."]})
        each.setdefault("type", "string")
        names.append(each["id"])
    if injectors.keys() - {"env", "extra_vars", "file"}:
        raise RefusedError(400, {"injectors": ["Additional properties are not allowed"]})
    for variable, template in {**injectors.get("env", {}), **injectors.get("extra_vars", {})}.items():
        if not re.fullmatch(r"[a-zA-Z_]+[a-zA-Z0-9_]*", variable) or not isinstance(template, str):
            raise RefusedError(400, {"injectors": [f"Schema validation error in {variable}"]})
        _check_template(variable, template, names)
    for variable in injectors.get("env", {}):
        if variable.startswith("ANSIBLE_"):
            message = "may affect Ansible configuration so its use is not allowed in credentials."
            raise RefusedError(400, {"injectors": [f"Environment variable {variable} {message}"]})
        if variable in _FORBIDDEN:
            message = "is not allowed to be used in credentials."
            raise RefusedError(400, {"injectors": [f"Environment variable {variable} {message}"]})


def _check_template(variable: str, template: str, names: list[str]) -> None:
    try:
        ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(template).render(dict.fromkeys(names, "x"))
    except TemplateError as error:
        raise RefusedError(400, {"injectors": [f"{variable} uses an undefined field ({error})"]}) from error


def check_credential(record: Record, credential_type: Record) -> None:
    """Its inputs are fields of its type."""
    known = {each["id"] for each in credential_type["inputs"].get("fields", [])}
    for name, value in record["inputs"].items():
        if name not in known:
            raise RefusedError(400, {"inputs": [f"Additional properties are not allowed ('{name}' was unexpected)"]})
        if not isinstance(value, str | bool):
            raise RefusedError(400, {"inputs": [f"{value} is not of type 'string'"]})


def check_project(record: Record) -> None:
    """The options of its source."""
    if record["scm_type"]:
        if not record["scm_url"]:
            raise RefusedError(400, {"scm_url": ["SCM URL is required."]})
        return
    for name in ("scm_update_on_launch", "scm_delete_on_update", "scm_track_submodules", "scm_clean"):
        if record[name]:
            raise RefusedError(400, {name: ["Update options must be set to false for manual projects."]})


def check_notification(record: Record, there: bool) -> None:
    """The configuration of a webhook. What has a default is filled in."""
    given, missing, wrong = record["notification_configuration"], [], []
    for name, (kind, default) in _WEBHOOK.items():
        if name not in given:
            if default is None:
                missing.append(name)
                continue
            given[name] = default
        if not isinstance(given[name], kind):
            wrong.append(f"Configuration field '{name}' incorrect type, expected {kind.__name__}.")
    if not wrong and not missing and given["http_method"].lower() not in ("put", "post"):
        wrong.append("HTTP method must be either 'POST' or 'PUT'.")
    if missing:
        wrong.append(f"Missing required fields for Notification Configuration: {missing}.")
    if given.get("password") == ENCRYPTED and not there:
        wrong.append("there is no password to keep")
    if wrong:
        raise RefusedError(400, wrong if there else {"__all__": wrong})


def check_survey(spec: Any) -> None:
    """The questions of a survey."""

    def wrong(message: str) -> RefusedError:
        return RefusedError(400, {"error": message})

    for name, kind in {"name": str, "description": str, "spec": list}.items():
        if not isinstance(spec.get(name), kind):
            raise wrong(f"Field '{name}' is missing from survey spec, or of the wrong type.")
    if not spec["spec"]:
        raise wrong("'spec' doesn't contain any items.")
    seen = set()
    for place, question in enumerate(spec["spec"]):
        for name, kind in {"type": str, "question_name": str, "variable": str, "required": bool}.items():
            if not isinstance(question.get(name), kind):
                raise wrong(f"'{name}' missing from survey question {place}, or of the wrong type.")
        if question["variable"] in seen:
            raise wrong(f"'variable' '{question['variable']}' duplicated in survey question {place}.")
        seen.add(question["variable"])
        if question["type"] not in _ANSWERS:
            raise wrong(f"'{question['type']}' in survey question {place} is not one of the allowed question types.")
        default = question.get("default", "")
        if default != "" and not isinstance(default, _ANSWERS[question["type"]]):
            raise wrong(f"Default value {default} in survey question {place} is of the wrong type.")
        for limit in ("min", "max"):
            if not isinstance(question.get(limit), int | None):
                raise wrong(f"The {limit} limit in survey question {place} expected to be integer.")
        if question["type"] in ("multiplechoice", "multiselect"):
            choices = question.get("choices")
            if not isinstance(choices, str) or "\n\n" in choices or choices != choices.strip():
                raise wrong(f"Survey question {place} must specify choices.")
            if default and default not in choices.split("\n"):
                raise wrong("Default choice must be answered from the choices listed.")


def check_prompts(template: Record, record: Record, *, ignore_required: bool) -> None:
    """Whether a template takes what a schedule or a node gives it."""
    spec = template.get("survey_spec") or {}
    questions = spec.get("spec", []) if template.get("survey_enabled") else []
    if not ignore_required:
        lacking = [each["variable"] for each in questions if each["required"]]
        lacking = [f"'{name}' value missing" for name in lacking if name not in record["extra_data"]]
        if lacking:
            raise RefusedError(400, {"variables_needed_to_start": lacking})
    if not template.get("ask_variables_on_launch"):
        foreign = record["extra_data"].keys() - {each["variable"] for each in questions}
        if foreign:
            message = f"Variables {', '.join(sorted(foreign))} are not allowed on launch."
            raise RefusedError(400, {"extra_data": [message]})
    for name in ("limit", "job_tags", "skip_tags", "scm_branch", "verbosity", "forks", "job_slice_count", "timeout"):
        asked = {"job_tags": "tags"}.get(name, name)
        if record[name] not in (None, "") and not template.get(f"ask_{asked}_on_launch"):
            raise RefusedError(400, {name: ["Field is not configured to prompt on launch."]})


def check_rrule(text: str) -> None:
    """The rule of a schedule."""
    errors = []
    starts = re.findall(r".*?(DTSTART(;[^:]+)?\:[0-9]+T[0-9]+Z?)", text)
    each_rule = re.findall(r".*?(RULE\:[^\s]*)", text)
    for found in ("EXDATE", "RDATE"):
        if f"{found.lower()}:" in text.lower():
            raise RefusedError(400, {"rrule": [f"{found} not allowed in rrule."]})
    if not starts:
        errors.append("Valid DTSTART required in rrule.")
    if re.findall(r".*?(DTSTART:[0-9]+T[0-9]+) ", text):
        errors.append("DTSTART cannot be a naive datetime.")
    if len(starts) > 1:
        errors.append("Multiple DTSTART is not supported.")
    if "rrule:" not in text.lower():
        errors.append("One or more rule required in rrule.")
    for rule in each_rule:
        if "interval" not in rule.lower():
            errors.append(f"INTERVAL required in rrule: {rule}")
        elif "secondly" in rule.lower():
            errors.append(f"SECONDLY is not supported: {rule}")
        if re.match(r".*?BYDAY[\:\=][0-9]+[a-zA-Z]{2}", rule):
            errors.append(f"BYDAY with numeric prefix not supported: {rule}")
        if "COUNT" in rule and "UNTIL" in rule:
            errors.append(f"RRULE may not contain both COUNT and UNTIL: {rule}")
        count = re.match(r".*?COUNT\=([0-9]+)", rule)
        if count and int(count[1]) > 999:
            errors.append(f"COUNT > 999 is unsupported: {rule}")
    if re.search(r"INTERVAL=0+(;|\s|$)", text):
        raise RefusedError(500, "AWX itself looks for the first run for ever.")
    try:
        next(iter(parsed(text)), None)
    except Exception as error:
        errors.append(f"rrule parsing failed validation: {error}")
    if errors:
        raise RefusedError(400, {"rrule": errors})


def parsed(text: str) -> rrule.rruleset:
    """The rule as AWX reads it. Raises whatever its library does, and ValueError where there is no time zone."""
    found = rrule.rrulestr(text, tzinfos={"UTC": tzutc(), "Z": tzutc(), "z": tzutc()}, forceset=True)
    for each in found._rrule:
        if each._dtstart and each._dtstart.tzinfo is None:
            raise ValueError("A valid TZID must be provided (e.g., America/New_York)")
    return found
