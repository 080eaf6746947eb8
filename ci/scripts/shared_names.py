"""How many type names of src/ are declared by two or more types: shared_names.py [--max PERCENT] [--worst N]

A name that two types share cannot be searched for or said aloud. Counts `struct`, `enum`, `trait`, `type` and `union` items,
not associated types, and nothing under `#[cfg(test)]`. Ends with 1 if the share of such names is above PERCENT.
"""

import argparse
import collections
import pathlib
import re
import sys

# Comments and literals, whose words declare nothing. A lifetime or label is not the start of a character.
NOT_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(?P<hashes>\#*)".*?"(?P=hashes)|[bc]?"(?:\\.|[^"\\])*"|b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^\\'])'""",
    re.DOTALL | re.VERBOSE,
)
TEST = re.compile(r"#\[cfg\((?:test|all\(test\b[^\]]*)\)\]")
MODULE = re.compile(r"(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;")


def code(text):
    """The text with comments and literals blanked, so that brackets match."""
    return NOT_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


def end_of_item(text, start):
    """Where the item that begins at `start` ends: its `;`, or the bracket that closes its body."""
    depth = 0
    for at in range(start, len(text)):
        if text[at] in "([{":
            depth += 1
        elif text[at] in ")]}":
            depth -= 1
            if depth == 0 and text[at] == "}":
                return at + 1
        elif text[at] == ";" and depth == 0:
            return at + 1
    return len(text)


def without_tests(text):
    """The text without items under `#[cfg(test)]`, and the names of the test modules that have a file of their own."""
    modules = []
    while found := TEST.search(text):
        end = end_of_item(text, found.end())
        if module := MODULE.search(text[found.end() : end]):
            modules.append(module.group(1))
        text = text[: found.start()] + text[end:]
    return text, modules


def without_bodies(text):
    """The text without the bodies of `impl` and `trait`, whose `type` lines are associated types."""
    kept, at = [], 0
    for found in re.finditer(r"^[ \t]*(?:pub(?:\([^)]*\))?\s+)?(?:unsafe\s+)?(?:impl|trait)\b[^{;]*", text, re.MULTILINE):
        if found.start() < at:
            continue
        kept.append(text[at : found.end()])
        at = end_of_item(text, found.end())
    return "".join(kept) + text[at:]


def declarations(source):
    """Name of a type -> the files that declare it, a file once for each declaration."""
    files = {path: without_tests(code(path.read_text(encoding="utf-8"))) for path in sorted(source.rglob("*.rs"))}
    tests = set()
    for path, (_, modules) in files.items():
        folder = path.parent if path.stem in ("mod", "lib", "main") else path.with_suffix("")
        for module in modules:
            tests |= {folder / f"{module}.rs", folder / module}
    found = collections.defaultdict(list)
    for path, (text, _) in files.items():
        if not tests & {path, *path.parents}:
            for match in re.finditer(r"\b(?:struct|enum|trait|union|type)\s+([A-Z]\w*)", without_bodies(text)):
                found[match.group(1)].append(path.relative_to(source))
    return found


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--max", type=float, help="highest share in percent that passes")
    arguments.add_argument("--worst", type=int, default=20, help="number of shared names to print")
    arguments.add_argument("--source", type=pathlib.Path, default=pathlib.Path(__file__).parents[2] / "src")
    given = arguments.parse_args()
    found = declarations(given.source)
    if not found:
        sys.exit(f"shared_names: no type is declared under {given.source}")
    shared = {name: paths for name, paths in found.items() if len(paths) > 1}
    types = sum(map(len, found.values()))
    alike = sum(map(len, shared.values()))
    share = 100 * alike / types
    for name, paths in sorted(shared.items(), key=lambda item: (-len(item[1]), item[0]))[: given.worst]:
        print(f"{len(paths):3} {name}: {' '.join(map(str, paths))}")
    print(f"shared_names: {alike} of {types} types share their name with another ({share:.1f} %; {len(shared)} of {len(found)} names)")
    if given.max is not None and share > given.max:
        sys.exit(f"shared_names: at most {given.max:g} % may; give each type a name of its own")


main()
