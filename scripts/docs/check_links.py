#!/usr/bin/env python3
"""Finds what leads nowhere in a folder of pages: check_links.py SITE.

An error for each link whose file or anchor is not there, and for each thing that a page would load from elsewhere: the pages
must work without a network. The search's entries are links too.
"""
import html.parser
import json
import pathlib
import re
import sys
import urllib.parse

ELSEWHERE = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//|mailto:|javascript:|data:", re.I)
LOADS = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src"), ("audio", "src"),
         ("link", "href")}


class Page(html.parser.HTMLParser):
    """The anchors of a page, its links, and what it loads."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.loads = {"", "top"}, [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            elif (tag, name) in LOADS:
                self.loads.append(value)
            elif name in ("href", "src", "action") and value is not None:
                self.links.append(value)


def css_loads(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return re.findall(r"url\(\s*['\"]?([^'\")]+)", text) + re.findall(r"@import\s+['\"]([^'\"]+)", text)


class Site:
    def __init__(self, root):
        self.root = root
        self.pages = {path: Page(path) for path in sorted(root.rglob("*.html"))}
        self.links, self.errors = 0, []

    def check(self, source, link):
        if ELSEWHERE.match(link):
            return
        self.links += 1
        path, _, anchor = link.partition("#")
        path = urllib.parse.unquote(path.partition("?")[0])
        anchor = urllib.parse.unquote(anchor)
        base = self.root if path.startswith("/") else source.parent
        target = (base / path.lstrip("/")).resolve() if path else source
        if target.is_dir():
            target /= "index.html"
        if not target.is_file() or not target.is_relative_to(self.root):
            self.error(source, f"{link}: there is no such file")
        elif target in self.pages and anchor not in self.pages[target].anchors:
            self.error(source, f"{link}: there is no such anchor")

    def check_load(self, source, link):
        if link.startswith("data:"):
            return
        if ELSEWHERE.match(link):
            self.error(source, f"{link} would be loaded from elsewhere")
        else:
            self.check(source, link)

    def error(self, source, text):
        self.errors.append(f"{source.relative_to(self.root)}: {text}")

    def check_all(self):
        for path, page in self.pages.items():
            for link in page.links:
                self.check(path, link)
            for link in page.loads:
                self.check_load(path, link)
        for path in self.root.rglob("*.css"):
            for link in css_loads(path.read_text(encoding="utf-8")):
                self.check_load(path, link)
        search = self.root / "search/search_index.json"
        for entry in json.loads(search.read_text(encoding="utf-8"))["docs"]:
            self.check(self.root / "index.html", entry["location"])


def main(root):
    site = Site(root.resolve())
    site.check_all()
    for error in site.errors:
        print(error, file=sys.stderr)
    print(f"{len(site.pages)} pages, {site.links} links, {len(site.errors)} of them broken")
    sys.exit(1 if site.errors or not site.links else 0)


main(pathlib.Path(sys.argv[1]))
