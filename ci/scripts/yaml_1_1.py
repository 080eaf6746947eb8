"""Names words of YAML files that a reader of YAML 1.1 takes for something else: yaml_1_1.py FILE...

There `on`, `off`, `yes` and `no` are booleans, as keys too; secgate reads YAML 1.2, where they are words. Of Markdown the
blocks of YAML are looked at.
"""

import re
import sys

import yaml

BLOCK = re.compile(r"^```ya?ml$\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def texts(path):
    """The documents of a file, each with the number of lines before it."""
    text = open(path, encoding="utf-8").read()
    if not path.endswith(".md"):
        return [(0, text)]
    return [(text.count("\n", 0, block.start(1)), block[1]) for block in BLOCK.finditer(text)]


def other_words(node, is_key=False):
    """Scalars below a node that YAML 1.1 takes for a boolean and YAML 1.2 for a word, and keys that are no text."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from other_words(key, True)
            yield from other_words(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from other_words(item)
    elif isinstance(node, yaml.ScalarNode):
        kind = node.tag.rpartition(":")[2]
        if (kind == "bool" and node.value not in ("true", "false")) or (is_key and kind != "str"):
            yield node, kind


def main():
    bad = looked_at = 0
    for path in sys.argv[1:]:
        for before, text in texts(path):
            looked_at += 1
            for document in yaml.compose_all(text, yaml.SafeLoader):
                for node, kind in other_words(document):
                    line = before + node.start_mark.line + 1
                    print(f"{path}:{line}: `{node.value}` is a {kind} in YAML 1.1: write it in quotes")
                    bad += 1
    print(f"{looked_at} texts, {bad} problems")
    sys.exit(1 if bad or not looked_at else 0)


main()
