"""Runs every command of the documentation: the `sh` and `console` blocks of README.md, CONTRIBUTING.md and docs/.

documentation.py SECGATE. Each file gets a scratch copy of the repository's fixtures, policies and ci as a git repository. Comments
in the files, which readers do not see, say what is needed:

    <!-- test exit=1 in=fixtures/gate -->     exit codes of the block's commands (one for all, or one each), and the folder;
                                              with fresh=yes each command starts from the committed files and the last setup
    <!-- setup: COMMANDS -->                   what is run before, in the scratch copy's root

`cargo run … -- ARGS` is secgate itself, and other cargo commands do nothing: `.ci/run` runs those. In a `console` block lines after
`$ ` are commands, and of the others each must be in the output, in order; `…` stands for anything.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
SECGATE = pathlib.Path(sys.argv[1]).resolve()
CARGO = """#!/bin/sh
case $1 in
  run) while [ "$1" != -- ]; do shift; done; shift; exec secgate "$@" ;;
  build | test | clippy | fmt) exit 0 ;;
esac
echo "cargo $1: not known" >&2
exit 2
"""
PART = re.compile(r"<!-- (test|setup:)(.*?)-->|^```(sh|console)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def scratch(folder):
    root, programs = folder / "repository", folder / "bin"
    root.mkdir()
    programs.mkdir()
    (programs / "secgate").symlink_to(SECGATE)
    (programs / "cargo").write_text(CARGO)
    (programs / "cargo").chmod(0o755)
    for name in ("fixtures", "policies", "ci", "docs", "README.md", "CHANGELOG.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, root / name)
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "Dee", "GIT_AUTHOR_EMAIL": "dev@shop.invalid",
        "GIT_COMMITTER_NAME": "Dee", "GIT_COMMITTER_EMAIL": "dev@shop.invalid",
    }
    for command in ("git init --quiet --initial-branch main", "git add --all", "git commit --quiet --message Everything",
                    "git update-ref refs/remotes/origin/main HEAD"):
        subprocess.run(command.split(), cwd=root, env=environment, check=True)
    return root, environment


def commands(language, text):
    """Each command with the lines that its output must have."""
    text = text.replace("\\\n", " ")
    lines = text.splitlines()
    if language == "sh":
        return [(line, []) for line in lines if line.strip() and not line.lstrip().startswith("#")]
    found = []
    for line in lines:
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.strip() and line.strip() != "…":
            found[-1][1].append(line)
    return found


def run(command, where, environment):
    return subprocess.run(["sh", "-euc", command], cwd=where, env=environment, capture_output=True, text=True, timeout=300)


def check(path):
    """Gives the number of commands and of those that went wrong."""
    count = bad = 0
    with tempfile.TemporaryDirectory() as folder:
        root, environment = scratch(pathlib.Path(folder))
        text = path.read_text(encoding="utf-8")
        codes, where, setup, fresh = ["0"], root, "true", False
        for part in PART.finditer(text):
            said, options, language, block = part.groups()
            line = text.count("\n", 0, part.start()) + 1
            if said == "setup:":
                setup = options
                done = run(setup, root, environment)
                if done.returncode:
                    bad += 1
                    print(f"{path.name}:{line}: setup gave {done.returncode}: {done.stderr}")
            elif said == "test":
                options = dict(option.split("=", 1) for option in options.split())
                codes, where = options.get("exit", "0").split(","), root / options.get("in", "")
                fresh = "fresh" in options
            else:
                all_commands = commands(language, block)
                if len(codes) not in (1, len(all_commands)):
                    bad += 1
                    print(f"{path.name}:{line}: {len(codes)} exit codes for {len(all_commands)} commands")
                for at, (command, wanted) in enumerate(all_commands):
                    count += 1
                    if fresh:
                        run(f"git clean -ffdxq; git checkout -q .; rm -f .git/hooks/pre-push; {setup}", root, environment)
                    code = int(codes[at] if len(codes) > at else codes[-1])
                    done = run(command, where, environment)
                    rest = iter(done.stdout.splitlines())
                    missing = [want for want in wanted if not any(want.strip() == have.strip() for have in rest)]
                    if done.returncode != code or missing:
                        bad += 1
                        print(f"{path.name}:{line}: {command}: exit code {done.returncode}, not {code}; missing: {missing}\n"
                              f"{done.stdout[-1500:]}{done.stderr[-1500:]}")
                codes, where, setup, fresh = ["0"], root, "true", False
    return count, bad


def main():
    total = wrong = 0
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))):
        count, bad = check(path)
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            if not (path.parent / target).exists():
                bad += 1
                print(f"{path.name}: {target} is not there")
        total, wrong = total + count, wrong + bad
    print(f"documentation: {total} commands, {wrong} problems")
    sys.exit(1 if wrong or total < 15 else 0)


main()
