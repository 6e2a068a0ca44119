"""The official API documents, made fit for a JSON Schema validator.

References are put in place; OpenAPI 3.0's `nullable` and boolean `exclusiveMinimum` become what 3.1 says."""

import json
import os
import pathlib
import re

FILES = {
    "hetzner": "hetzner-cloud.openapi.json",
    "storage": "hetzner-storage.openapi.json",
    "cloudflare": "cloudflare-dns.openapi.json",
}
METHODS = ("get", "put", "post", "patch", "delete", "head")
NOT_SCHEMA = (
    "example", "examples", "description", "title", "discriminator", "externalDocs", "deprecated", "xml",
    "nullable", "readOnly", "writeOnly",
)


def specs_folder():
    """KAVI_SPECS, else beside the checkout, else in it; None: a clone without the documents."""
    root = pathlib.Path(__file__).resolve().parents[2]
    named = os.environ.get("KAVI_SPECS")
    for folder in [pathlib.Path(named)] if named else [root.parent / "shared/api", root / "shared/api"]:
        if all((folder / file).is_file() for file in FILES.values()):
            return folder
    return None


class Document:
    """One API's document."""

    def __init__(self, path):
        self.content = json.loads(path.read_text())
        self.old = self.content["openapi"].startswith("3.0")
        self.routes = []
        for template, item in self.content["paths"].items():
            for method in METHODS:
                if method in item:
                    self.routes.append(Operation(self, method.upper(), template, item))
        # Literal segments before named ones: /servers/actions isn't /servers/{id}.
        self.routes.sort(key=lambda route: route.template.count("{"))

    def find(self, method, path):
        """The operation and the path's values; (None, why) where there is none."""
        fitting = [(route, route.pattern.fullmatch(path)) for route in self.routes]
        fitting = [(route, match) for route, match in fitting if match]
        for route, match in fitting:
            if route.method == method:
                return route, match.groupdict()
        return None, f"no method {method} there" if fitting else "no such path"

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.content
            for part in node["$ref"].lstrip("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def schema(self, node, sending, depth=0):
        """A schema without references; `sending`: of a request (read-only members aren't demanded)."""
        if not isinstance(node, dict):
            return node
        if depth > 40:
            return {}
        nullable = self.old and node.get("nullable") is True
        node = self.resolve(node)
        nullable = nullable or (self.old and node.get("nullable") is True)
        out = {}
        for key, value in node.items():
            if key in NOT_SCHEMA or key.startswith("x-"):
                continue
            if key in ("properties", "patternProperties"):
                out[key] = {name: self.schema(one, sending, depth + 1) for name, one in value.items()}
            elif key in ("allOf", "anyOf", "oneOf", "prefixItems"):
                out[key] = [self.schema(one, sending, depth + 1) for one in value]
            elif key in ("items", "additionalProperties", "not"):
                out[key] = self.schema(value, sending, depth + 1)
            else:
                out[key] = value
        self._old_bounds(out)
        self._demands(out, node, sending)
        return self._with_null(out) if nullable else out

    @staticmethod
    def _old_bounds(out):
        for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if isinstance(out.get(exclusive), bool):
                if out.pop(exclusive):
                    out[exclusive] = out.pop(bound)

    def _demands(self, out, node, sending):
        """A request need not have what only answers have, nor an answer what only requests have."""
        if "required" not in out:
            return
        flag = "readOnly" if sending else "writeOnly"
        properties = node.get("properties", {})
        out["required"] = [
            name for name in out["required"] if not self.resolve(properties.get(name, {})).get(flag) is True
        ]

    @staticmethod
    def _with_null(out):
        if isinstance(out.get("type"), str):
            out = dict(out, type=[out["type"], "null"])
            if "enum" in out and None not in out["enum"]:
                out["enum"] = [*out["enum"], None]
            if not any(key in out for key in ("allOf", "anyOf", "oneOf")):
                return out
        return {"anyOf": [out, {"type": "null"}]}


def branches(schema):
    """The schema and all that it is composed of."""
    if not isinstance(schema, dict):
        return
    yield schema
    for key in ("allOf", "anyOf", "oneOf"):
        for one in schema.get(key, []):
            yield from branches(one)


def unknown_members(schemas, value, where="$"):
    """Members of objects that the document doesn't know, which OpenAPI itself would allow."""
    parts = [part for schema in schemas for part in branches(schema)]
    if isinstance(value, list):
        items = [part["items"] for part in parts if isinstance(part.get("items"), dict)]
        for one in value if items else []:
            yield from unknown_members(items, one, where + "[*]")
    if not isinstance(value, dict):
        return
    known = {}
    for part in parts:
        for name, schema in part.get("properties", {}).items():
            known.setdefault(name, []).append(schema)
    if not known or any(part.get("additionalProperties") or "patternProperties" in part for part in parts):
        return
    for name, member in value.items():
        if name in known:
            yield from unknown_members(known[name], member, f"{where}.{name}")
        else:
            yield f"{where}.{name} isn't documented"


class Operation:
    """One method of one path."""

    def __init__(self, document, method, template, item):
        self.document, self.method, self.template = document, method, template
        self.json = item[method.lower()]
        self.parameters = [
            document.resolve(one) for one in [*item.get("parameters", []), *self.json.get("parameters", [])]
        ]
        escaped = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
        self.pattern = re.compile(escaped + "/?")

    def __str__(self):
        return f"{self.method} {self.template}"

    def named(self, where):
        return {one["name"]: one for one in self.parameters if one.get("in") == where}

    def request_content(self):
        body = self.document.resolve(self.json.get("requestBody"))
        return (body.get("content", {}), body.get("required", False)) if body else ({}, False)

    def answer(self, status):
        """The documented answer to that status, or None."""
        answers = {key.lower(): self.document.resolve(value) for key, value in self.json["responses"].items()}
        for key in (str(status), f"{str(status)[0]}xx", "default"):
            if key in answers:
                return answers[key]
        return None
