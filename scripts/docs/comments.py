#!/usr/bin/env python3
"""Prints a public header with its comments as Doxygen wants them; in the headers they are plain text.

- The comment at the head documents the file. Where it begins with "Name: ", it documents that class as well.
- An indented paragraph is code.
- <brood/pool.hpp> is a link.

Every line keeps its number, so that Doxygen's warnings point into the header.
"""
import re
import sys

EMPTY = re.compile(r"^ *///$")
INDENTED = re.compile(r"^ */// {3,}\S")


def mark_code(lines):
    i = 1
    while i < len(lines):
        if EMPTY.match(lines[i - 1]) and INDENTED.match(lines[i]):
            last = end_of_code(lines, i)
            lines[i - 1] += " @code{.cpp}"
            after = last + 1
            lines[after if after < len(lines) and EMPTY.match(lines[after]) else last] += " @endcode"
            i = last
        i += 1


def end_of_code(lines, i):
    """The last indented line; empty ones between indented ones belong to the code."""
    last = i
    while i < len(lines) and (INDENTED.match(lines[i]) or EMPTY.match(lines[i])):
        if INDENTED.match(lines[i]):
            last = i
        i += 1
    return last


def mark_links(lines):
    for i, line in enumerate(lines):
        if line.lstrip().startswith("///"):
            lines[i] = re.sub(r"<(brood/\w+\.hpp)>", r'@ref \1 "\1"', line)


def mark_head(lines, name):
    if len(lines) < 2 or not lines[1].startswith("///"):
        return
    lines[0] = "/// @file"  # in the place of #pragma once
    if noun := re.match(r"/// (\w+): ", lines[1]):
        give_head_to(noun[1], lines, name)


def give_head_to(noun, lines, name):
    for i, line in enumerate(lines):
        if re.match(rf"(class|struct|concept) {noun}\b[^;]*$", line):
            first = i - 1 if lines[i - 1].startswith("template") else i
            if not lines[first - 1].startswith("///"):
                lines[first] = f"/** @copydoc {name} */ {lines[first]}"
            return


def main(path):
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    mark_code(lines)
    mark_links(lines)
    mark_head(lines, path[path.rindex("brood/"):])
    print("\n".join(lines))


main(sys.argv[1])
