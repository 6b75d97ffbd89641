#!/usr/bin/env python3
"""Code that must not compile, with the message that it must get, and code that must compile.

  look.py FOLDER COMPILER FLAGS...

Each case is one file of refused/ or accepted/. The first lines of a refused one, `// expects: REGEX`, are what the
compiler has to say. All cases go through the compiler in one file (FOLDER/joint.cpp), each in a namespace of its own, and
a diagnostic belongs to the case whose path it names. A case that does not come out as it should is compiled once more,
alone: it may share an instantiation with another case, which the compiler reports once, or specialise what lies in brood's
own namespace.
"""

import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
# A diagnostic begins with its context and ends with the lines that show the place.
BEGINS = re.compile(r"^(?:In file included from |.*: (?:In |At global scope))", re.MULTILINE)


def compile_only(compiler, file):
    """What the compiler says."""
    english = {**os.environ, "LC_ALL": "C.UTF-8"}
    ran = subprocess.run([*compiler, "-fsyntax-only", str(file)], capture_output=True, text=True, env=english)
    return ran.stdout + ran.stderr


def expected(case):
    return re.findall(r"^// expects: (.*)$", case.read_text("utf-8"), re.MULTILINE)


def diagnostics_by_case(text, cases):
    """The diagnostics that name each case's file."""
    starts = [m.start() for m in BEGINS.finditer(text)] + [len(text)]
    pieces = [text[a:b] for a, b in zip(starts, starts[1:])]
    return {case: "".join(p for p in pieces if str(case) in p and "error:" in p) for case in cases}


def refused_wrongly(case, said):
    """What is wrong with what the compiler said of a refused case; None when all is well."""
    if not expected(case):
        return "the case names no message: // expects: REGEX"
    if "error:" not in said:
        return "compiles, and should not"
    for pattern in expected(case):
        if not re.search(pattern, said):
            return f"the compiler does not say '{pattern}' but:\n{said}"
    if said.count(" error: ") > 1:
        return f"the compiler says more than one thing:\n{said}"
    return None


def accepted_wrongly(case, said):
    return f"should compile:\n{said}" if said else None


def main():
    folder, compiler = pathlib.Path(sys.argv[1]), sys.argv[2:]
    rules = {case: rule for kind, rule in (("refused", refused_wrongly), ("accepted", accepted_wrongly))
             for case in sorted((HERE / kind).glob("*.cpp"))}
    joint = folder / "joint.cpp"
    # Before the first namespace: a header that is included inside of one declares its names there.
    headers = {line for case in rules for line in re.findall(r"^#include <.*>$", case.read_text("utf-8"), re.MULTILINE)}
    joint.write_text("".join(f"{header}\n" for header in sorted(headers)) + "".join(
        f'namespace case_{case.stem} {{\n#include "{case}"\n}}\n' for case in rules), "utf-8")
    said = diagnostics_by_case(compile_only(compiler, joint), rules)
    alone = [case for case, rule in rules.items() if rule(case, said[case])]
    failures = {case: rules[case](case, compile_only(compiler, case)) for case in alone}
    for kind in ("refused", "accepted"):
        print(kind, sum(case.parent.name == kind for case in rules), "cases")
    print(len(alone), "of them were compiled alone")
    if len(alone) == len(rules):
        sys.exit("no case came out as it should in one file: the joint file itself does not compile")
    for case, wrong in failures.items():
        if wrong:
            print(f"FAILED {case}: {wrong}")
    sys.exit(any(failures.values()))


if __name__ == "__main__":
    main()
