"""Validates YAML files with a JSON Schema, by Python's jsonschema: validate.py SCHEMA FILE..."""

import datetime
import json
import re
import sys

import jsonschema
import yaml


class Loader(yaml.SafeLoader):
    """YAML 1.2, where `on` is a word: only true and false are booleans."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


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
        document = plain(yaml.load(open(path, encoding="utf-8"), Loader))
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
