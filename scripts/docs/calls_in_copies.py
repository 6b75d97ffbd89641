#!/usr/bin/env python3
"""Compares the public functions with those that tests/process_copies_test.cpp calls in copies of a process:
calls_in_copies.py NAMES, where NAMES is the list that Doxygen makes with the reference (names.xml).

A function that is new must be called there, or its class be a plain value.
"""
import re
import sys
import xml.etree.ElementTree as xml

TABLE = "tests/process_copies_test.cpp"
# What holds nothing of a process: bytes, texts, outcomes, exceptions, numbers.
VALUES = re.compile(r"(Codec<.*>|Reader|Writer|(Reader|Writer)::Level|Outcome|Failure|Fn|CopyReport|CopyLack|RemoteTrace|"
                    r"RemoteError|WorkerDied|NoMemory|Timeout|Closed|Empty|Full|\w*(Error|Exceeded|Cancelled))(::.*)?")


def public_functions(names):
    for compound in xml.parse(names).getroot().iter("compound"):
        if compound.get("kind") not in ("class", "struct", "namespace"):
            continue
        scope = compound.findtext("name")
        if scope != "brood" and not scope.startswith("brood::"):
            continue
        scope = scope.removeprefix("brood").removeprefix("::")
        for member in compound.iter("member"):
            if member.get("kind") == "function":
                yield f"{scope}::{member.findtext('name')}".removeprefix("::")


def main(names):
    public = {name for name in public_functions(names) if not VALUES.fullmatch(name)}
    with open(TABLE, encoding="utf-8") as table:
        called = set(re.findall(r'^ +\{"([^"]+)",', table.read(), re.M))
    if not public or not called:
        sys.exit(f"no public functions in {names}, or none in {TABLE}")
    wrong = [f"{TABLE} does not call {name}" for name in sorted(public - called)]
    wrong += [f"{TABLE} calls {name}, which is no public function" for name in sorted(called - public)]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(public)} public functions are called in copies of a process")


main(sys.argv[1])
