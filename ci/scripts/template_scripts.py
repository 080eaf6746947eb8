"""Writes the shell scripts in GitLab YAML files, one file a job: template_scripts.py FOLDER FILE..."""

import pathlib
import sys

import yaml


class Loader(yaml.SafeLoader):
    """Knows GitLab's own tag."""


Loader.add_constructor("!reference", lambda loader, node: loader.construct_sequence(node))


def main():
    folder = pathlib.Path(sys.argv[1])
    count = 0
    for path in map(pathlib.Path, sys.argv[2:]):
        for document in yaml.load_all(path.read_text(encoding="utf-8"), Loader):
            for job in document.values():
                lines = [line for key in ("before_script", "script") for line in (job.get(key) or [] if isinstance(job, dict) else [])]
                if lines:
                    # An input stands for a word.
                    text = "\n".join(lines).replace("$[[ inputs.", "input_").replace(" ]]", "")
                    count += 1
                    (folder / f"{path.stem.lstrip('.')}-{count}.script").write_text(text + "\n", encoding="utf-8")
    if not count:
        sys.exit("no scripts")


main()
