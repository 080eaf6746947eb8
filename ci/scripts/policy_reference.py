"""Writes docs/policy-reference.md from the policy's JSON Schema: secgate policy schema | policy_reference.py >docs/policy-reference.md"""

import json
import sys

SCHEMA = json.load(sys.stdin)
DEFS = SCHEMA["$defs"]


def code(value):
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def kind(schema):
    """What a value looks like, for people."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return code(schema["const"])
    if "enum" in schema:
        return " or ".join(code(value) for value in schema["enum"] if value is not None)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            kinds = []
            for part in (kind(option) for option in schema[key]):
                if part and part not in kinds:
                    kinds.append(part)
            return " or ".join(kinds)
    of = schema.get("type")
    if isinstance(of, list):
        return " or ".join(kind({**schema, "type": one}) for one in of if one != "null")
    if of == "array":
        return f"list of {kind(schema.get('items', {})) or 'anything'}"
    if of == "object":
        inner = schema.get("additionalProperties")
        return f"mapping of names to {kind(inner)}" if isinstance(inner, dict) and inner else "mapping"
    if of == "string":
        return f"text like `{schema['pattern']}`" if "pattern" in schema else "text"
    if of == "integer" and "minimum" in schema:
        return f"whole number from {schema['minimum']}"
    return {"integer": "whole number", "number": "number", "boolean": "`true` or `false`", None: "anything"}.get(of, of or "")


def rows(schema):
    required = set(schema.get("required", []))
    lines = ["| key | value | meaning |", "|---|---|---|"]
    for name, value in sorted(schema.get("properties", {}).items(), key=lambda pair: (pair[0] not in required, pair[0])):
        meaning = " ".join(value.get("description", "").split())
        must = " (must be there)" if name in required else ""
        cells = [f"`{name}`{must}", kind(value), meaning]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return lines


def main():
    out = [
        "# Policy reference", "",
        "Made from the JSON Schema that `secgate policy schema` prints; `.ci/run` compares the two. Any other key is an error.", "",
        "## The file", "", *rows(SCHEMA),
    ]
    for name in sorted(DEFS):
        schema = DEFS[name]
        out += ["", f"## {name}", ""]
        if schema.get("description"):
            out += [" ".join(schema["description"].split()), ""]
        out += rows(schema) if schema.get("properties") else [kind(schema)]
    print("\n".join(out))


main()
