"""What there is to run: CTest's registry of a build, the tests inside of GoogleTest programs, and tests/rings.txt."""

import fnmatch
import json
import pathlib
import subprocess

from jobs import Batch, Job
from kinds import KINDS

RUN_AS = ("waits", "alone", "rights")  # the words of tests/rings.txt beside the deep kinds


class RegistryError(Exception):
    """A sentence that says what is wrong."""


def read_rings(file):
    """(word, pattern) for each line of tests/rings.txt."""
    rules = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        words = line.split()
        if len(words) != 2 or words[0] not in (*KINDS, *RUN_AS):
            raise RegistryError(f"{file}:{number}: a line is a kind or one of {', '.join(RUN_AS)}, and a pattern; "
                                f"not '{line}'")
        rules.append(tuple(words))
    return rules


def listed_tests(program, environment):
    """The tests of a GoogleTest program, by their full names."""
    ran = subprocess.run([program, "--gtest_list_tests"], capture_output=True, text=True, env=environment, timeout=60,
                         stdin=subprocess.DEVNULL)
    if ran.returncode != 0:
        raise RegistryError(f"{program} --gtest_list_tests ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
    names, suite = [], ""
    for line in ran.stdout.splitlines():
        name = line.split("#")[0].rstrip()
        if name.startswith("  "):
            names.append(suite + name.strip())
        elif name.endswith("."):
            suite = name
    return names


def matches(test, patterns):
    """`Suite.name`, wherever a prefix of an instantiation or a parameter stands around it."""
    return any(fnmatch.fnmatchcase(test, pattern) or fnmatch.fnmatchcase(test, "*/" + pattern) for pattern in patterns)


def in_batches(batch, size):
    return [batch.with_names(batch.names[i:i + size]) for i in range(0, len(batch.names), size)]


class Registry:
    """The tests of one build folder."""

    def __init__(self, build, rules, environment, names_of=listed_tests):
        self.build, self.rules, self.environment, self.names_of = build, rules, environment, names_of
        ran = subprocess.run(["ctest", "--test-dir", str(build), "--show-only=json-v1"], capture_output=True, text=True)
        if ran.returncode != 0:
            raise RegistryError(f"ctest cannot read {build}:\n{ran.stderr}")
        self.entries = [self.entry(test) for test in json.loads(ran.stdout)["tests"]]

    @staticmethod
    def entry(test):
        properties = {p["name"]: p["value"] for p in test.get("properties", [])}
        labels = properties.get("LABELS", [])
        kinds = [label for label in labels if label in KINDS]
        if len(kinds) != 1:
            raise RegistryError(f"the test {test['name']} needs one kind of scripts/tests/kinds.py among its labels, and "
                                f"has {kinds or 'none'}")
        slot = next((word for word in ("waits", "alone") if word in labels), "cpu")
        job = Job(kinds[0], test["name"], test.get("command", []), properties.get("TIMEOUT", 300), slot,
                  dict(pair.split("=", 1) for pair in properties.get("ENVIRONMENT", []) if pair),
                  properties.get("WORKING_DIRECTORY"), properties.get("SKIP_RETURN_CODE"))
        return job, "gtest" in labels

    def units(self, kinds):
        """{kind: jobs, a Batch for each single test}, in an order that is the same at every run; and the patterns of
        tests/rings.txt that no test matches."""
        found, unused = {kind: [] for kind in kinds}, {rule for rule in self.rules}
        for job, is_gtest in self.entries:
            if not job.command or not pathlib.Path(job.command[0]).exists():  # not built
                if job.kind in kinds:
                    raise RegistryError(f"the program of {job.name} has not been built in {self.build}")
                continue
            if not is_gtest:
                if job.kind in found:
                    found[job.kind].append(job)
                continue
            for name in sorted(self.names_of(job.command[0], {**self.environment, **job.environment})):
                hit = [rule for rule in self.rules if matches(name, [rule[1]])]
                unused.difference_update(hit)
                words = [word for word, _ in hit]
                kind = next((word for word in words if word in KINDS), job.kind)
                slot = next((word for word in ("waits", "alone") if word in words), job.slot)
                if kind in found:
                    found[kind].append(Batch(kind, name, job.command, job.timeout, slot, job.environment, job.folder,
                                             None, "rights" in words, [name]))
        return found, sorted(unused)


def batched(units, slots):
    """Single tests of the same program and slot together: several batches for each slot, so that both ends come about
    at the same time; commands as they are."""
    groups, rest = {}, []
    for unit in units:
        if not isinstance(unit, Batch):
            rest.append(unit)
            continue
        key = (unit.command[0], unit.slot, unit.kind, tuple(unit.command))
        if key in groups:
            groups[key].names.extend(unit.names)
        else:
            groups[key] = unit.with_names(list(unit.names))
    batches = []
    for group in groups.values():
        size = 1 if group.slot == "waits" else max(5, min(60, len(group.names) // (slots * 6) + 1))
        batches += in_batches(group, size)
    return batches + rest
