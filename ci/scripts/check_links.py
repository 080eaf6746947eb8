"""Checks a built site: every link inside it leads to a page, and to an anchor of that page, that is there; every page can be reached
from index.html. check_links.py SITE. Addresses of other sites are not asked for."""

import html.parser
import pathlib
import sys
import urllib.parse


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.links.append(value)


def main():
    site = pathlib.Path(sys.argv[1]).resolve()
    pages = {path: Page(path) for path in sorted(site.rglob("*.html"))}
    problems, count, reached, ahead = [], 0, set(), [site / "index.html"]
    while ahead:
        path = ahead.pop()
        if path in reached or path not in pages:
            continue
        reached.add(path)
        for link in pages[path].links:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc or link.startswith("data:"):
                continue
            count += 1
            target = (path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.is_relative_to(site) or not target.exists():
                problems.append(f"{path.name}: {link} is not there")
            elif parts.fragment and target in pages and urllib.parse.unquote(parts.fragment) not in pages[target].anchors:
                problems.append(f"{path.name}: {link}: no such anchor")
            ahead.append(target)
    # mkdocs writes this page for servers; nothing links to it.
    problems += [f"{path.name}: no link leads to it" for path in pages if path not in reached and path.name != "404.html"]
    print("\n".join([*problems, f"links: {len(reached)} pages, {count} links, {len(problems)} problems"]))
    sys.exit(1 if problems or len(reached) < 2 else 0)


main()
