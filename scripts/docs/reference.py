#!/usr/bin/env python3
"""Makes the reference with Doxygen, inside of the pages: reference.py SITE, in the root of the repository.

Its pages get the head, navigation and foot of SITE/reference/index.html, which mkdocs has made, and their names go into the
site's search.
"""
import html
import json
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as xml

MARK = "<!-- reference -->"


def shell(site):
    """What stands above and below Doxygen's part of a page."""
    page = (site / "reference/index.html").read_text(encoding="utf-8")
    page = re.sub(r"<title>.*?</title>", "<title>$title - brood</title>", page, flags=re.S)
    page = re.sub(r'<nav class="md-footer__inner.*?</nav>', "", page, flags=re.S)  # previous and next
    page = page.replace("<h1>Overview</h1>", "")
    page = page.replace("md-nav__link md-nav__link--active", "md-nav__link")
    above, mark, below = page.partition(MARK)
    if not mark:
        sys.exit(f"{site}/reference/index.html has no place for the reference ({MARK})")
    # Doxygen closes one division that it does not open.
    return above + '<div class="reference"><div id="top">\n', "</div>\n" + below


def run_doxygen(site, work):
    work.mkdir(exist_ok=True)
    header, footer = shell(site)
    (work / "header.html").write_text(header, encoding="utf-8")
    (work / "footer.html").write_text(footer, encoding="utf-8")
    settings = pathlib.Path("docs/site/Doxyfile").read_text(encoding="utf-8") + f"""
        HTML_HEADER = {work}/header.html
        HTML_FOOTER = {work}/footer.html
        GENERATE_TAGFILE = {work}/names.xml
        OUTPUT_DIRECTORY = {work}
        HTML_OUTPUT = {(site / "reference").resolve()}
        """
    if subprocess.run(["doxygen", "-"], input=settings, text=True, check=False).returncode != 0:
        sys.exit("doxygen has warnings, see above: each public name needs a comment")


def words(page, anchor):
    """The first words that a page says of a member."""
    found = re.search(rf'<tr class="memdesc:{anchor}"><td class="mdescLeft">.*?</td><td class="mdescRight">(.*?)</td>',
                      page, flags=re.S)
    text = re.sub(r"<a [^>]*>More\.\.\.</a>", "", found[1]) if found else ""
    return html.unescape(re.sub(r"<[^>]*>", "", text)).strip()


def search_entries(site, names):
    for compound in xml.parse(names).getroot():
        kind, name, file = compound.get("kind"), compound.findtext("name"), compound.findtext("filename")
        if kind not in ("class", "struct", "concept", "file", "namespace"):
            continue
        file = file if file.endswith(".html") else file + ".html"
        yield {"location": "reference/" + file, "title": name, "text": ""}
        if kind == "file":
            continue  # its names are those of the namespace
        page = (site / "reference" / file).read_text(encoding="utf-8")
        for member in compound.findall("member"):
            anchor = member.findtext("anchor")
            yield {"location": f"reference/{member.findtext('anchorfile')}#{anchor}",
                   "title": f"{name}::{member.findtext('name')}{member.findtext('arglist') or ''}",
                   "text": words(page, anchor)}


def add_to_search(site, names):
    path = site / "search/search_index.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    index["docs"] = [d for d in index["docs"] if not d["location"].startswith("reference/")]
    index["docs"] += search_entries(site, names)
    path.write_text(json.dumps(index, ensure_ascii=False), encoding="utf-8")


def main(site):
    work = site.parent / "doxygen"
    run_doxygen(site, work)
    add_to_search(site, work / "names.xml")


main(pathlib.Path(sys.argv[1]))
