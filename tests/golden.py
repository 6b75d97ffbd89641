#!/usr/bin/env python3
"""Golden texts: what each example printed lies beside it, examples/NAME.txt.

  golden.py check PROGRAM SOURCE    runs the program and compares what it prints with the golden text
  golden.py write PROGRAM SOURCE    makes the golden text, where it is not there or not true any more

The program runs with a terminal of its own, as a reader would run it, and once more into a pipe. Compared is what must be the same at each
run. Numbers of processes are compared by their relations: the child's parent is the program. Clock times and
durations are left out, and so is where a crash was. The first lines of an example say what else is free in it:

  // Order: free          lines of several processes come in any order
  // Varies: REGEX        this part of a line differs from run to run (case, machine)
"""

import difflib
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import termios
import time

LIMIT_SECONDS = 60
MOST_LINES = 59
MOST_COLUMNS = 76  # the tour shows it in 80


def ends_of_terminal():
    ours, theirs = pty.openpty()
    attributes = termios.tcgetattr(theirs)
    attributes[1] &= ~termios.OPOST  # "\n" stays "\n"
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    return ours, theirs


def run(program, make_ends):
    """What the program and its children print, into one terminal or pipe."""
    ours, theirs = make_ends()
    process = subprocess.Popen([program], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = b""
    until = time.monotonic() + LIMIT_SECONDS
    while select.select([ours], [], [], max(0, until - time.monotonic()))[0]:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # EIO: nobody has the terminal any more
            piece = b""
        if not piece:
            os.close(ours)
            if process.wait() != 0:
                sys.exit(f"{program} ended with {process.returncode}; it printed:\n{text.decode()}")
            return text.decode()
        text += piece
    process.kill()
    sys.exit(f"{program} did not end within {LIMIT_SECONDS} s; until then it printed:\n{text.decode()}")


def head_of(source):
    """The values of "// NAME: VALUE" in the first comment."""
    comment = re.match(r"(//.*\n)*", source)[0]
    return re.findall(r"^// (Order|Varies): (.*)$", comment, re.MULTILINE)


def normal(text, head):
    """What must be the same at each run."""
    free = ("Order", "free") in head
    pids = {}

    def pid(match):
        number = "N" if free else pids.setdefault(match[2], len(pids) + 1)
        return f"{match[1]}<pid {number}>"

    text = re.sub(r"\b((?:pid|parent)[ =]+)(\d+)", pid, text)
    text = re.sub(r"\b\d\d:\d\d:\d\d\b", "<clock>", text)
    text = re.sub(r"\b\d+\.\d+ s\b", "<seconds>", text)
    # Whether that can be told depends on how the program was built.
    text = re.sub(r"(?:; |^)it was in .*\n?", "\n", text, flags=re.MULTILINE).replace("\n\n", "\n")
    for key, pattern in head:
        if key == "Varies":
            text = re.sub(pattern, "<varies>", text, flags=re.MULTILINE)
    lines = text.rstrip("\n").split("\n")
    return sorted(lines) if free else lines


def compare(golden, text, head):
    wanted, now = normal(golden.read_text("utf-8"), head), normal(text, head)
    if wanted != now:
        for line in difflib.unified_diff(wanted, now, str(golden), "now", lineterm=""):
            print(line)
        sys.exit(f"{golden.stem} printed something else than its golden text (./x goldens makes it anew):\n{text}")


def check(program, source, golden, head):
    lines = source.read_text("utf-8").rstrip("\n").split("\n")
    if len(lines) > MOST_LINES or max(map(len, lines)) > MOST_COLUMNS:
        sys.exit(f"{source.name} is longer than {MOST_LINES} lines or wider than {MOST_COLUMNS} columns")
    if not golden.exists():
        sys.exit(f"{golden} is not there; ./x goldens makes it")
    for make_ends in (ends_of_terminal, os.pipe):
        compare(golden, run(program, make_ends), head)


def write(program, golden, head):
    text = run(program, ends_of_terminal)
    if not golden.exists() or normal(golden.read_text("utf-8"), head) != normal(text, head):
        golden.write_text(text, "utf-8")
        print(f"written: {golden}")


def main():
    what, program, source = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    golden, head = source.with_suffix(".txt"), head_of(source.read_text("utf-8"))
    if what == "check":
        check(program, source, golden, head)
    else:
        write(program, golden, head)


main()
