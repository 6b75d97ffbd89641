#!/usr/bin/env python3
"""Adds to the site's search what mkdocs leaves out, the reference's names and Chinese: search.py SITE.

mkdocs takes what stands between spaces for a word, so in Chinese a whole clause. The search completes what is typed; so each
character begins a word of its own, which goes on for a few more. They are an entry's "tags", which site.css does not show.
"""
import html
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as xml

CHINESE = re.compile(r"[\u4e00-\u9fff]{2,}")
LONGEST = 6


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


def chinese_words(text):
    return sorted({run[i:i + LONGEST] for run in CHINESE.findall(text) for i in range(len(run) - 1)})


def main(site):
    path = site / "search/search_index.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    docs = [d for d in index["docs"] if not d["location"].startswith("reference/")]
    for doc in docs:
        if words_in_it := chinese_words(doc["title"] + " " + doc["text"]):
            doc["tags"] = words_in_it
    index["docs"] = docs + list(search_entries(site, site.parent / "doxygen/names.xml"))
    index["config"]["lang"] = ["en", "ja"]  # keeps Chinese characters, which "en" alone takes for punctuation
    path.write_text(json.dumps(index, ensure_ascii=False), encoding="utf-8")


main(pathlib.Path(sys.argv[1]))
