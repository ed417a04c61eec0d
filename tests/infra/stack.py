"""What CloudFormation makes of a template: SAM's own transformation, then conditions and references by hand."""

import json
import os
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv-tools" / "bin"
PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackName": "stack",
    "AWS::URLSuffix": "amazonaws.com",
}
NOTHING = object()
"""Stands for AWS::NoValue."""
TRANSFORM = """
import json, sys
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse
template = yaml_parse(open(sys.argv[1], encoding="utf-8").read())
template["Globals"]["Function"]["CodeUri"] = "s3://code/package.zip"
json.dump(Translator({}, Parser()).translate(template, {"AWS::Region": "eu-west-1"}), sys.stdout)
"""


@cache
def transformed() -> dict[str, Any]:
    """Return the plain CloudFormation template that SAM makes of template.yaml, or skip where there is no SAM."""
    if not (TOOLS / "sam").exists():
        pytest.skip("SAM is not here; run: make tools")
    own = {"AWS_DEFAULT_REGION": PSEUDO["AWS::Region"], "PATH": os.environ["PATH"]}
    command: list[str | Path] = [TOOLS / "python", "-c", TRANSFORM, ROOT / "template.yaml"]
    return json.loads(subprocess.run(command, env=own, capture_output=True, check=True).stdout)  # type: ignore[no-any-return]


class Stack:
    """The resources and outputs that a template has with these parameters, everything in them resolved.

    A reference to another resource becomes `Name` or `Name.Attribute`. What refers to something that does not
    exist, or exists only under another condition, raises KeyError.
    """

    def __init__(self, template: dict[str, Any], **parameters: str) -> None:
        unknown = set(parameters) - set(template["Parameters"])
        assert not unknown, f"no parameters {unknown}"
        defaults = {name: str(each["Default"]) for name, each in template["Parameters"].items()}
        self._values = PSEUDO | defaults | parameters
        self._conditions = template["Conditions"]
        self._resources = {
            name: each for name, each in template["Resources"].items() if self._made(each)
        }
        self.resources = {
            name: {"Type": each["Type"], **self._resolved(each.get("Properties", {}))}
            for name, each in self._resources.items()
        }
        outputs = {name: each for name, each in template["Outputs"].items() if self._made(each)}
        self.outputs = {name: self._resolved(each["Value"]) for name, each in outputs.items()}
        self.broken_rules = [
            check["AssertDescription"]
            for rule in template.get("Rules", {}).values()
            if self._true(rule.get("RuleCondition", {"Fn::Equals": ["", ""]}))
            for check in rule["Assertions"]
            if not self._true(check["Assert"])
        ]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the resources of one type, by name."""
        return {name: each for name, each in self.resources.items() if each["Type"] == kind}

    def _made(self, item: dict[str, Any]) -> bool:
        return "Condition" not in item or self._true(self._conditions[item["Condition"]])

    def _true(self, test: dict[str, Any]) -> bool:
        ((name, argument),) = test.items()
        if name == "Fn::Equals":
            return bool(self._resolved(argument[0]) == self._resolved(argument[1]))
        if name == "Fn::Not":
            return not self._true(argument[0])
        assert name == "Condition", name
        return self._true(self._conditions[argument])

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [each for each in map(self._resolved, value) if each is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and (name := next(iter(value))).startswith(("Fn::", "Ref")):
            return self._function(name, value[name])
        return {
            key: new for key, each in value.items() if (new := self._resolved(each)) is not NOTHING
        }

    def _function(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self._reference(argument)
        if name == "Fn::GetAtt":
            return self._reference(argument if isinstance(argument, str) else ".".join(argument))
        if name == "Fn::Sub":
            return re.sub(r"\$\{([^}]+)\}", lambda found: self._reference(found[1]), argument)
        if name == "Fn::If":
            return self._resolved(argument[1 if self._true(self._conditions[argument[0]]) else 2])
        assert name == "Fn::Split", name
        return self._resolved(argument[1]).split(argument[0])

    def _reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NOTHING
        if name in self._values:
            return self._values[name]
        self._resources[name.partition(".")[0]]
        return name
