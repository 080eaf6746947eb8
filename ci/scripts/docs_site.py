"""Hook of mkdocs: the contents are the numbered list of docs/README.md; links out of docs/ lead to the repository (`repo_url`, in a
job of GitLab CI_PROJECT_URL), or are text where nothing says where that is."""

import os
import pathlib
import re

OUTSIDE = re.compile(r"\[([^\]]*)\]\((\.\./[^)#]+)(#[^)]*)?\)")


ENTRY = re.compile(r"^\d+\. \[([^\]]+)\]\(([^)#]+\.md)\)", re.MULTILINE)


def on_config(config):
    text = (pathlib.Path(config.docs_dir) / "README.md").read_text(encoding="utf-8")
    # Code in a title would stand there as it is written.
    config.nav = [{"The book": "README.md"}, *({title.replace("`", ""): path} for title, path in ENTRY.findall(text))]
    return config


def on_page_markdown(markdown, page, config, files):
    repository = config.repo_url or os.environ.get("CI_PROJECT_URL")
    branch = os.environ.get("CI_COMMIT_SHA", "main")

    def link(found):
        text, path, anchor = found[1], found[2].removeprefix("../"), found[3] or ""
        return f"[{text}]({repository.rstrip('/')}/-/blob/{branch}/{path}{anchor})" if repository else text

    return OUTSIDE.sub(link, markdown)
