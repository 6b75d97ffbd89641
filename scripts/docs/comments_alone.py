#!/usr/bin/env python3
"""Checks that each comment of a public name says by itself what the name does: an editor shows it alone.

comments_alone.py HEADER...
"""

import pathlib
import re
import sys

LEANS_ON_ANOTHER = re.compile(r"(The same|Again|Ditto|See above)\b")


def comments(header):
    """The first line of each comment, with its number."""
    before = ""
    for number, line in enumerate(header.read_text("utf-8").splitlines(), 1):
        text = line.strip()
        if text.startswith("///") and not before.startswith("///"):
            yield number, text.removeprefix("///").strip()
        before = text


def main(headers):
    wrong = [f"{header}:{number}: the comment begins with \"{text[:30]}\" and says nothing where it is shown alone"
             for header in map(pathlib.Path, headers)
             for number, text in comments(header) if LEANS_ON_ANOTHER.match(text)]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(headers)} public headers: each comment stands alone")


main(sys.argv[1:])
