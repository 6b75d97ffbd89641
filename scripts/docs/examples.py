#!/usr/bin/env python3
"""Puts the examples and what they printed into the pages: examples.py [--check], in the root of the repository.

In README*.md and docs/*.md a comment says what the block after it is made of:

  <!-- examples/24_pool.cpp -->         the program, without its first comment
  <!-- examples/24_pool.cpp: body -->   from its first line that is no #include, using or namespace alias
  <!-- examples/24_pool.cpp: tour -->   between its comments [tour and tour]
  <!-- examples/24_pool.txt -->         what it printed

With --check nothing is written: a page that is not current is an error.
"""
import pathlib
import re
import sys
import textwrap

BLOCK = re.compile(r"^(<!-- (examples/[\w.]+)(?:: (\w+))? -->\n+```\w*\n)(.*?)^(```)$", re.M | re.S)
COMMENT = re.compile(r"\A(?://[^\n]*\n)+")
INTRODUCTION = re.compile(r"\A(?:#include [^\n]*\n|using [^\n]*;\n|namespace \w+ = [^\n]*\n|\n)+")
TOUR = re.compile(r"^ *// \[tour\n(.*?)^ *// tour\]\n", re.M | re.S)


def part_of(program, part):
    program = COMMENT.sub("", program)
    if part == "tour":
        return textwrap.dedent("\n".join(TOUR.findall(program)))
    program = re.sub(r"^ *// (\[tour|tour\])\n", "", program, flags=re.M)
    return INTRODUCTION.sub("", program) if part == "body" else program


def block(match):
    head, example, part, _, end = match.groups()
    text = pathlib.Path(example).read_text(encoding="utf-8")
    if example.endswith(".cpp"):
        text = part_of(text, part)
    return f"{head}{text.strip(chr(10))}\n{end}"


def main(check):
    stale = []
    for page in sorted([*pathlib.Path().glob("README*.md"), *pathlib.Path("docs").glob("*.md")]):
        text = page.read_text(encoding="utf-8")
        current = BLOCK.sub(block, text)
        if current.count("<!-- examples/") != len(BLOCK.findall(current)):
            sys.exit(f"{page}: a comment that names an example has no block after it")
        if current != text:
            stale.append(str(page))
            if not check:
                page.write_text(current, encoding="utf-8")
    if check and stale:
        sys.exit(f"{', '.join(stale)}: not what the examples are now; type ./x pages")


if __name__ == "__main__":
    main(sys.argv[1:] == ["--check"])
