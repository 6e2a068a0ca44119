#!/usr/bin/env python3
"""check.py [--refused-may-be-wrong] [--requests-only] [--covered] LOG…

Checks every exchange of a verbose request log (kavi-lab's D/requests.jsonl, LabApisConfig::verbose_log)
against the official documents: paths, methods, parameters and bodies of requests; status, media type and
bodies of answers.

--refused-may-be-wrong  a request that was answered with 4xx isn't judged: tests send wrong ones on purpose
--requests-only         answers aren't judged
--covered               says which documented operations the log holds

Ends with 1 when something was found, with 77 and "SKIPPED: …" where the documents are absent."""

import argparse
import json
import re
import sys
from typing import NamedTuple

import jsonschema

sys.dont_write_bytecode = True  # the checkout stays clean

from documents import FILES, Document, specs_folder, unknown_members
from differences import reason_for


class Finding(NamedTuple):
    exchange: str
    side: str
    text: str

    def __str__(self):
        return f"{self.exchange}: {self.side}: {self.text}"


FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time")
def is_date_time(value):
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
    return not isinstance(value, str) or re.fullmatch(pattern, value) is not None


@FORMATS.checks("decimal")
def is_decimal(value):
    return not isinstance(value, str) or re.fullmatch(r"\d+(\.\d+)?", value) is not None


def deepest(error):
    """Of the branches of an alternative, the complaint that got furthest."""
    while error.context:
        error = max(error.context, key=lambda one: len(one.absolute_path))
    return error


class Checker:
    """Checks exchanges; remembers which operations it met."""

    def __init__(self, folder, refused_may_be_wrong=False, requests_only=False):
        self.documents = {api: Document(folder / file) for api, file in FILES.items()}
        self.refused_may_be_wrong, self.requests_only = refused_may_be_wrong, requests_only
        self.covered = {api: {} for api in FILES}
        self.tolerated, self.validators = {}, {}

    def check(self, line):
        """The findings about one line of the log."""
        api = line["api"]
        if api not in self.documents:
            return []
        if "answer" not in line or "parameters" not in line:
            raise ValueError("the log isn't a verbose one")
        name = f"{api} {line['method']} {line['path']} → {line['status']}"
        operation, values = self.documents[api].find(line["method"], line["below_prefix"])
        refused = 400 <= line["status"] < 500
        if operation is None:
            judged = not (refused and self.refused_may_be_wrong)
            return [Finding(name, "request", values)] if judged else []
        found = []
        if not (refused and self.refused_may_be_wrong):
            found += [("request", text) for text in self.request(operation, values, line)]
        # What a fault of the lab did to an answer says nothing about the API.
        if line["status"] != 0 and not line.get("fault") and not self.requests_only:
            found += [("answer", text) for text in self.answer(operation, line)]
        if line["status"] < 400:
            count = self.covered[api]
            count[str(operation)] = count.get(str(operation), 0) + 1
        wanted = [one for one in found if not self.known(line, operation, *one)]
        return [Finding(name, side, text) for side, text in wanted]

    def known(self, line, operation, side, text):
        reason = reason_for(line["api"], str(operation), side, text, line["status"])
        if reason:
            self.tolerated[reason] = self.tolerated.get(reason, 0) + 1
        return reason is not None

    def request(self, operation, values, line):
        for name, parameter in operation.named("path").items():
            yield from self.parameter(operation, parameter, [values.get(name, "")])
        documented = operation.named("query")
        sent = {}
        for name, value in line["parameters"]:
            sent.setdefault(name, []).append(value)
        for name, given in sent.items():
            if name not in documented:
                yield f"the parameter '{name}' isn't documented"
            else:
                yield from self.parameter(operation, documented[name], given)
        for name, parameter in documented.items():
            if parameter.get("required") and name not in sent:
                yield f"the parameter '{name}' is missing"
        yield from self.request_body(operation, line)

    def parameter(self, operation, parameter, given):
        validator = self.validator(operation, parameter.get("schema", {}), True)
        schema, name = validator.schema, parameter["name"]
        if schema.get("type") == "array":
            values = [coerced(one, schema.get("items", {})) for one in given]
            yield from complaints(validator, values, f"?{name}")
            return
        if len(given) > 1:
            yield f"the parameter '{name}' is there {len(given)} times"
        yield from complaints(validator, coerced(given[0], schema), f"?{name}")

    def request_body(self, operation, line):
        content, required = operation.request_content()
        if not line["has_body"]:
            if content and required:
                yield "the body is missing"
            return
        if not content:
            yield "a body where none is documented"
            return
        if line["content_type"] not in content:
            yield f"the body is {line['content_type'] or 'of no type'}, not {' or '.join(content)}"
            return
        if line["content_type"] == "application/json":
            yield from self.body(operation, content, line["body"], True)

    def answer(self, operation, line):
        documented = operation.answer(line["status"])
        if documented is None:
            yield f"status {line['status']} isn't documented"
            return
        content = documented.get("content", {})
        if not content:
            if line["answer"] is not None:
                yield "a body where none is documented"
            return
        if line["answer_type"] not in content:
            yield f"the body is {line['answer_type'] or 'of no type'}, not {' or '.join(content)}"
            return
        if line["answer_type"] == "application/json":
            if isinstance(line["answer"], dict) and set(line["answer"]) == {"bytes"}:
                yield "the body is no JSON"
                return
            yield from self.body(operation, content, line["answer"], False)

    def validator(self, operation, node, sending):
        key = (id(operation), json.dumps(node, sort_keys=True), sending)
        if key not in self.validators:
            schema = operation.document.schema(node, sending)
            self.validators[key] = jsonschema.Draft202012Validator(schema, format_checker=FORMATS)
        return self.validators[key]

    def body(self, operation, content, value, sending):
        value = thinned(value)
        validator = self.validator(operation, content["application/json"].get("schema", {}), sending)
        yield from complaints(validator, value, "$")
        yield from sorted(set(unknown_members([validator.schema], value)))


def thinned(value):
    """A copy in which long lists keep their first and last hundred items: thousands would take minutes."""
    if isinstance(value, dict):
        return {name: thinned(member) for name, member in value.items()}
    if not isinstance(value, list):
        return value
    return [thinned(one) for one in (value if len(value) <= 200 else value[:100] + value[-100:])]


def complaints(validator, value, where):
    """What the validator says, each once: the numbers of a list's items don't count."""
    seen = set()
    for error in validator.iter_errors(value):
        error = deepest(error)
        path = where + "".join("[*]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
        text = f"{path}: {error.message[:300]}"
        if text not in seen:
            seen.add(text)
            yield text


def coerced(text, schema):
    """A parameter's text as the kind that its schema wants, where it can be read so."""
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "integer" in kinds and re.fullmatch(r"-?\d+", text):
        return int(text)
    if "number" in kinds and re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text)
    if "boolean" in kinds and text in ("true", "false"):
        return text == "true"
    for branch in [*schema.get("allOf", []), *schema.get("anyOf", []), *schema.get("oneOf", [])]:
        value = coerced(text, branch)
        if not isinstance(value, str):
            return value
    return text


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("logs", nargs="+")
    parser.add_argument("--refused-may-be-wrong", action="store_true")
    parser.add_argument("--requests-only", action="store_true")
    parser.add_argument("--covered", action="store_true")
    options = parser.parse_args()
    folder = specs_folder()
    if folder is None:
        print("SKIPPED: the official API documents (set KAVI_SPECS to their folder)")
        return 77
    checker = Checker(folder, options.refused_may_be_wrong, options.requests_only)
    exchanges, findings = 0, {}
    for path in options.logs:
        for line in lines_of(path):
            exchanges += 1
            for finding in checker.check(line):
                findings.setdefault(f"{finding.side}: {finding.text}", []).append(finding.exchange)
    for text, where in findings.items():
        more = f" and {len(where) - 1} more" if len(where) > 1 else ""
        print(f"{where[0]}{more}: {text}")
    for reason, count in checker.tolerated.items():
        print(f"known, {count} times: {reason}")
    if options.covered:
        for api, operations in checker.covered.items():
            routes = map(str, checker.documents[api].routes)
            missing = [one for one in routes if one not in operations]
            print(f"{api}: {len(operations)} operations met, {len(missing)} not")
            for operation in missing:
                print(f"    {operation}")
    print(f"{exchanges} exchanges, {sum(len(where) for where in findings.values())} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
