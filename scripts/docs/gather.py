#!/usr/bin/env python3
"""Lays the sources of the pages into a folder: gather.py FOLDER, in the root of the repository.

The pages stay where people read them in the repository. A link from one to another, to an example or to a header leads to
the page it has on the site; a link to anything else is an error.
"""
import os
import pathlib
import posixpath
import re
import shutil
import sys

import examples

FENCE = re.compile(r"^(```|~~~)")
LINK = re.compile(r"(\]\()([^)\s]+)(\))")


def pages():
    """Where a page is in the repository -> where it is on the site."""
    found = {"README.md": "index.md", "README.zh.md": "index.zh.md", "CHANGELOG.md": "changelog.md",
             "CONTRIBUTING.md": "contributing.md"}
    for path in sorted(pathlib.Path("docs").glob("*.md")):
        found[str(path)] = path.name
    for path in sorted(pathlib.Path("docs/decisions").glob("*.md")):
        found[str(path)] = "decisions/" + path.name
    return {source: to for source, to in found.items() if os.path.exists(source)}


def pictures():
    return [str(path) for path in sorted(pathlib.Path("docs").glob("*.svg"))]


def doxygen_page(header):
    return "reference/" + header.replace("_", "__").replace(".", "_8") + ".md"


def site_place(path, known):
    """The place on the site of a file or folder of the repository."""
    if path in known:
        return known[path]
    if path in pictures():
        return posixpath.basename(path)
    if path == "examples":
        return "examples.md"
    if path.startswith("examples/"):
        return "examples.md#" + pathlib.PurePath(path).stem
    if path == "include/brood":
        return "reference/index.md"
    if path.startswith("include/brood/"):
        return doxygen_page(posixpath.basename(path))
    if path == "docs/decisions":
        return "decisions/index.md"
    return None


def site_link(link, source, known):
    if re.match(r"[a-z]+:|#", link):
        return link
    path, _, anchor = link.partition("#")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    place = site_place(path, known)
    if place is None:
        sys.exit(f"{source}: the link to {link} leads to nothing that is on the site")
    here = posixpath.dirname(known.get(source, ""))
    return posixpath.relpath(place, here or ".") + ("#" + anchor if anchor else "")


def outside_code(text, change):
    """Applies change to the lines that are not in a fenced block."""
    lines, fence = [], None
    for line in text.splitlines():
        mark = FENCE.match(line.strip())
        if mark and fence in (None, mark[1]):
            fence = None if fence else mark[1]
        lines.append(line if fence or mark else change(line))
    return "\n".join(lines) + "\n"


def page(source, known):
    text = pathlib.Path(source).read_text(encoding="utf-8")
    text = outside_code(text, lambda line: LINK.sub(
        lambda m: m[1] + site_link(m[2], source, known) + m[3], line))
    if source.endswith(".zh.md"):  # tells browsers which glyphs to take
        text = f'<div lang="zh-Hans" markdown>\n\n{text}\n</div>\n'
    return text


def examples_page():
    """Every example with what its first lines say of it, and what it printed."""
    parts = ["# Examples\n", "Whole programs; the tests run each and compare what it prints.\n"]
    for path in sorted(pathlib.Path("examples").glob("*.cpp")):
        program = path.read_text(encoding="utf-8")
        words = [line[3:] for line in examples.COMMENT.match(program)[0].splitlines()]
        words = " ".join(line for line in words if not line.startswith(("Order: ", "Varies: ")))
        code = examples.part_of(program, None).strip()
        printed = path.with_suffix(".txt").read_text(encoding="utf-8").strip("\n")
        parts.append(f"## {path.stem}\n\n{words}\n\n```cpp\n{code}\n```\n\n```\n{printed}\n```\n")
    return "\n".join(parts)


def decisions_page(known):
    lines = ["# Decisions\n", "Each page: the problem, the choices, the choice, its cost.\n"]
    for source, place in known.items():
        if place.startswith("decisions/"):
            title = pathlib.Path(source).read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
            lines.append(f"- [{title}]({posixpath.basename(place)})")
    return "\n".join(lines) + "\n"


def lay_reference(to):
    """An empty page for each one of the reference that others lead to; reference.py lays Doxygen's over it."""
    (to / "reference").mkdir()
    navigation = pathlib.Path("docs/site/mkdocs.yml").read_text(encoding="utf-8")
    places = set(re.findall(r"reference/\w+\.md", navigation))
    places |= {doxygen_page(path.name) for path in pathlib.Path("include/brood").glob("*.hpp")}
    for place in places:
        (to / place).write_text("<!-- reference -->\n", encoding="utf-8")


def main(to):
    known = pages()
    shutil.rmtree(to, ignore_errors=True)
    (to / "decisions").mkdir(parents=True)
    for source, place in known.items():
        (to / place).write_text(page(source, known), encoding="utf-8")
    (to / "examples.md").write_text(examples_page(), encoding="utf-8")
    (to / "decisions/index.md").write_text(decisions_page(known), encoding="utf-8")
    lay_reference(to)
    for path in [*pictures(), "docs/site/site.css"]:
        shutil.copy(path, to)


main(pathlib.Path(sys.argv[1]))
