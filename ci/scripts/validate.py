"""Validates YAML files with a JSON Schema, by Python's jsonschema: validate.py SCHEMA FILE...

They are read as YAML 1.1, where an `on` without quotes is `true`.
"""

import datetime
import json
import sys

import jsonschema
import yaml


def plain(value):
    """Dates as the text that they were: YAML 1.1 makes them, JSON Schema does not know them."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    return value


def main():
    schema = json.load(open(sys.argv[1], encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    bad = 0
    for path in sys.argv[2:]:
        document = plain(yaml.safe_load(open(path, encoding="utf-8")))
        for error in validator.iter_errors(document):
            print(f"{path}: {error.json_path}: {error.message}")
            bad += 1
        # A schema that accepts anything would hold as well.
        if not list(validator.iter_errors({**document, "no-such-key": 1})):
            print(f"{path}: an unknown key is valid")
            bad += 1
    print(f"{len(sys.argv) - 2} files, {bad} problems")
    sys.exit(1 if bad else 0)


main()
