"""Builds the docs site and checks what came out: every link and anchor leads somewhere, and no page asks another server.

Run by ``make docs``. The site is a folder of pages under ``build/site``; its pages open from a file, its search needs a
server (``python -m http.server``), and neither needs a network.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "mkdocs.yml"
SITE = ROOT / "build" / "site"
#: What a browser fetches without a click: by tag, the attribute with the address.
_LOADS = {"script": "src", "img": "src", "source": "src", "video": "src", "iframe": "src", "link": "href"}
#: Kinds of <link> that only name an address.
_NAMES = {"canonical", "next", "prev", "alternate"}
#: Markdown that was meant as a list, a table or a heading, and reached the page as text.
_UNRENDERED = re.compile(r"^(?:[-*] |\d+\. |\|.*\|$|#{1,4} )", re.MULTILINE)


class Page(HTMLParser):
    """What a page offers and asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.paragraphs: list[str] = []
        self._open = 0
        self._code = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note ids, links and what the browser fetches."""
        values = {name: value or "" for name, value in attrs}
        if "id" in values:
            self.ids.add(values["id"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in _LOADS and _LOADS[tag] in values and not _NAMES & set(values.get("rel", "").split()):
            self.loads.append(values[_LOADS[tag]])
        self._code += tag == "code"
        if tag == "p":
            self._open += 1
            self.paragraphs.append("")

    def handle_endtag(self, tag: str) -> None:
        """Leave a paragraph or a piece of code."""
        self._open -= tag == "p" and self._open > 0
        self._code -= tag == "code"

    def handle_data(self, data: str) -> None:
        """Keep the text of paragraphs; code may hold anything."""
        if self._open:
            self.paragraphs[-1] += "code" if self._code else data


def build(config: Path = CONFIG) -> str:
    """Build the site anew; what the builder printed, empty where all is well."""
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "--config-file", str(config)]
    run = subprocess.run(command, cwd=config.parent, capture_output=True, text=True, check=False)
    return "" if run.returncode == 0 else run.stdout + run.stderr


def pages(site: Path) -> dict[Path, Page]:
    """Every page of a built site by its path."""
    return {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


def faults(site: Path) -> list[str]:
    """What is wrong with a built site, a line each: dead links and anchors, foreign requests, Markdown shown as text."""
    found = pages(site)
    # The page for addresses that are not there is served from any depth, so its own links start at the root.
    return [fault for path in found if path.name != "404.html" for fault in _faults_of(path, found, site)]


def _faults_of(path: Path, found: dict[Path, Page], site: Path) -> Iterator[str]:
    page, where = found[path], path.relative_to(site)
    for target in page.links:
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        file = Path(os.path.normpath(path.parent / unquote(parts.path))) if parts.path else path
        file = file / "index.html" if file.is_dir() else file
        if not file.is_file():
            yield f"{where}: {target} leads nowhere"
        elif parts.fragment and file in found and unquote(parts.fragment) not in found[file].ids:
            yield f"{where}: {target} names no heading of {file.relative_to(site)}"
    for target in page.loads:
        parts = urlsplit(target)
        if parts.scheme not in ("", "data") or parts.netloc:
            yield f"{where}: fetches {target} from elsewhere"
        elif not parts.scheme and not (path.parent / unquote(parts.path)).is_file():
            yield f"{where}: {target} is missing"
    for text in page.paragraphs:
        if match := _UNRENDERED.search(text):
            yield f"{where}: shown as text, not rendered: {match.group().strip()} in {text[:60]!r}"


def unlisted() -> list[str]:
    """Documents that mkdocs.yml does not list, or that it lists and that are not there."""
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    folder = ROOT / config["docs_dir"]
    listed = set(_leaves(config["nav"]))
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*.md")}
    return [f"{path}: not in the nav of mkdocs.yml" for path in sorted(there - listed)] + [
        f"{path}: in the nav of mkdocs.yml, and not in docs/" for path in sorted(listed - there)
    ]


def _leaves(nav: object) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        yield from (leaf for value in nav.values() for leaf in _leaves(value))
    elif isinstance(nav, list):
        yield from (leaf for value in nav for leaf in _leaves(value))


def main() -> int:
    """0 where the site was built and holds."""
    problems = unlisted()
    if printed := build():
        problems.append(printed)
    else:
        problems += faults(SITE)
    sys.stdout.write("".join(f"{line}\n" for line in problems))
    if not problems:
        sys.stdout.write(f"{len(pages(SITE))} pages, every link and anchor leads somewhere: {SITE.relative_to(ROOT)}\n")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
