#!/usr/bin/env python3
"""Makes the reference with Doxygen, inside of the pages: reference.py SITE, in the root of the repository.

Its pages get the head, navigation and foot of SITE/reference/index.html, which mkdocs has made.
"""
import pathlib
import re
import subprocess
import sys

MARK = "<!-- reference -->"
# Doxygen's lists of everything; no page leads to them.
LISTS = ("annotated", "classes", "concepts", "files", "functions*", "hierarchy", "namespacemembers*", "namespaces",
         "*-members")


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
    for name in LISTS:
        for page in (site / "reference").glob(name + ".html"):
            page.unlink()


site = pathlib.Path(sys.argv[1])
run_doxygen(site, site.parent / "doxygen")
