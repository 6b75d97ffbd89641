"""What a run consists of: builds, and the jobs that they give."""

import json
import os
import pathlib
import shutil
import tempfile

import builds
from builds import ROOT, Build, BuildError
from covered import Covered
from jobs import Batch, Job
from kinds import KINDS, in_ring
from progress import Progress
from registry import Registry, batched, read_rings
from run import Runner

DEV_TARGETS = {
    "tests": ["brood_tests"], "user": ["brood_tests"], "long": ["brood_tests"], "noise": ["brood_tests"],
    "threads": ["brood_thread_tests"], "costs": ["brood_cost_tests"], "examples": ["brood_examples"],
    "corpus": ["brood_fuzz_corpus_test"], "models": ["brood_model_tests"], "points": ["brood_points"],
    "plants": ["brood_points_planted"], "failing": ["brood_failing"], "deaths": ["brood_deaths"],
    "storm": ["brood_storm"], "consumers": ["brood", "brood_tool", "brood_examples"],
}
IN_BROOD_TESTS = {"tests", "user", "long", "noise"}
PACKAGES = {"docs": ["docs"], "format": ["lint"], "lint": ["lint"], "clang": ["lint", "bench"], "builds": ["lint", "bench"],
            "fuzz": ["fuzz"]}
FUZZ_TARGETS = ("decoder", "exception", "certificate", "asks", "lane", "queue")
FUZZ_SECONDS = 40  # of each target, in all shares together
GIVEN = ("BROOD_INLINE", "GTEST_FILTER", "GTEST_SHARD_INDEX", "GTEST_TOTAL_SHARDS")  # a caller's, which would change tests


def processors():
    count = len(os.sched_getaffinity(0))
    if count == 1:
        print("This machine gives one processor: builds and tests take about twice as long, and tests of what two "
              "processors do at once are skipped.")
    return count


def environment():
    return {name: value for name, value in os.environ.items() if name not in GIVEN}


def rules():
    return read_rings(ROOT / "tests" / "rings.txt")


# ---- how long each took last time: for the order and for the guess of what is left

def times_file(preset):
    return ROOT / "build" / preset / "test_times.json"


def known_times(preset):
    try:
        return json.loads(times_file(preset).read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def run_jobs(units, preset, slots, covered, one_by_one=False):
    """Runs single tests and commands, the longest first; `one_by_one`: each test in a process of its own."""
    known = known_times(preset)
    guess = {(u.kind, u.name): known.get(f"{u.kind}/{u.name}", 0.2 if isinstance(u, Batch) else 5) for u in units}
    jobs = units if one_by_one else batched(units, slots)
    jobs.sort(key=lambda job: -sum(guess[job.kind, name] for name in job.tests()))
    runner = Runner(Progress(guess), slots, environment())
    try:
        runner.run(jobs)
    finally:
        runner.progress.end()
        covered.note(runner.outcomes)
    known.update({f"{o.kind}/{o.name}": round(o.seconds, 3) for o in runner.outcomes})
    times_file(preset).write_text(json.dumps(known), "utf-8")


# ---- jobs that no registry knows

def every_time(kinds):
    commands = {"format": ["fmt", "--check"], "docs": ["docs"]}
    return {kind: [Job(kind, kind, [str(ROOT / "x"), *words], 600, folder=str(ROOT))] for kind, words in commands.items()
            if kind in kinds}


def by_clang(kinds, slots):
    """Clang's and clang-tidy's look at single files."""
    found = {}
    if not {"lint", "clang"} & set(kinds):
        return found
    clang, changed = Build("clang", slots), builds.recently_changed()
    commands = clang.commands()
    if "lint" in kinds:
        linted = {file: where for file, where in commands.items() if file.startswith(("src/", "tools/"))}
        found["lint"] = builds.file_jobs("lint", linted, lambda file, _: [
            "clang-tidy-16", "--quiet", "-p", str(clang.folder), str(ROOT / file)], changed)
    if "clang" in kinds:
        found["clang"] = builds.file_jobs("clang", commands, lambda _, command: builds.without_code(command), changed)
    return found


def headers(dev):
    """Each public header by GCC, whose rules for templates differ from Clang's."""
    alone = {file: where for file, where in dev.commands().items() if "/tests/alone/" in file}
    return builds.file_jobs("headers", alone, lambda _, command: builds.without_code(command), ())


def other_builds():
    clang = [ROOT / "x", "build", "clang", "brood", "brood_tool", "example_readme"]
    return [Job("builds", "builds: ./x demo", [str(ROOT / "x"), "demo"], 1800, "cpu", folder=str(ROOT)),
            Job("builds", "builds: the bench", [str(ROOT / "x"), "bench", "--list"], 1800, "cpu", folder=str(ROOT)),
            Job("builds", "builds: Clang's", [str(word) for word in clang], 1800, "cpu", folder=str(ROOT))]


class OrdinaryUser:
    """Runs tests as nobody, from a copy of the programs, for that user may not be able to enter our folder."""

    def __init__(self, build):
        self.build = build
        self.copy = None

    def jobs(self, units):
        if not units:
            return []
        self.copy = tempfile.mkdtemp(prefix="brood-as-user-")
        for folder in (".", "tests", "examples"):
            target = pathlib.Path(self.copy, folder)
            target.mkdir(exist_ok=True)
            for file in (self.build / folder).iterdir():
                if file.is_file() and os.access(file, os.X_OK):
                    shutil.copy2(file, target)
        for path in [self.copy, *pathlib.Path(self.copy).rglob("*")]:
            os.chmod(path, 0o755)
        return [self.job(unit) for unit in units]

    def job(self, unit):
        program = pathlib.Path(self.copy) / pathlib.Path(unit.command[0]).relative_to(self.build)
        words = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--no-new-privs", str(program)]
        there = {**unit.environment, "HOME": "/tmp", "BROOD_TEST_PROGRAMS": f"{self.copy}/tests"}
        return Batch(unit.kind, unit.name, words, unit.timeout, unit.slot, there, f"{self.copy}/tests", names=[unit.name])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.copy:
            shutil.rmtree(self.copy, ignore_errors=True)


def as_user(found):
    """The units of the kind `user`: every test of brood_tests once more. None where we are an ordinary user already."""
    if os.getuid() != 0:
        return []
    units = [unit for kind in ("tests", "long", "noise") for unit in found[kind]]
    return [Batch("user", u.name, u.command, u.timeout, u.slot, u.environment, u.folder, None, u.always, [u.name])
            for u in units]


# ---- the stages

def dev_stage(kinds, options, slots, covered):
    """Everything that is run from build/dev, and what needs no build."""
    dev = Build("dev", slots, ["-DBROOD_TEST_FILES="])
    targets = sorted({target for kind in kinds for target in DEV_TARGETS.get(kind, ())})
    if targets:
        dev.make(targets)
    registry = Registry(dev.folder, rules(), environment())
    registered = {*DEV_TARGETS, "compile", "rooms", "pages", "runner"} & set(kinds)
    found, unused = registry.units(registered | (IN_BROOD_TESTS if registered & IN_BROOD_TESTS else set()))
    if unused and "tests" in kinds:
        raise BuildError("tests/rings.txt has patterns that no test matches: " + ", ".join(p for _, p in unused))
    if "user" in kinds:
        found["user"] = as_user(found)
    found.update(every_time(kinds))
    found.update(by_clang(kinds, slots))
    if "headers" in kinds:
        found["headers"] = headers(dev)
    if "builds" in kinds:
        found["builds"] = other_builds()
    with OrdinaryUser(dev.folder) as user:
        chosen = []
        for kind in kinds:
            if kind in found:
                units = covered.choose(kind, found[kind])
                chosen += user.jobs(units) if kind == "user" else units
        if chosen:
            run_jobs(chosen, "dev", slots, covered)


def asan_stage(options, slots, covered):
    """Test files are the units: only those of the share are compiled."""
    files = sorted(file.name.removesuffix("_test.cpp") for file in (ROOT / "tests").glob("*_test.cpp"))
    changed = {pathlib.Path(file).name.removesuffix("_test.cpp") for file in builds.recently_changed()}
    units = [Job("asan", name, [], always=name in changed) for name in files]
    whole = {"examples": "brood_examples", "corpus": "brood_fuzz_corpus_test", "threads": "brood_thread_tests"}
    units += [Job("asan", name, []) for name in whole]
    chosen = [unit.name for unit in options.share.of("asan", units)]
    if not chosen:
        return
    chosen_files = [name for name in chosen if name not in whole]
    asan = Build("asan", slots, ["-DBROOD_TEST_FILES=" + ";".join(chosen_files or files[:1])])
    asan.make([*(["brood_tests"] if chosen_files else []), *(whole[name] for name in chosen if name in whole)])
    wanted = {*(["tests", "long", "noise"] if chosen_files else []), *(name for name in chosen if name in whole)}
    found, _ = Registry(asan.folder, rules(), environment()).units(wanted)
    jobs = []
    for units in found.values():
        for unit in units:
            unit.kind, unit.always = "asan", True
            jobs.append(unit)
    jobs = covered.choose("asan", jobs)
    covered.rows["asan"].units = f"{len(chosen)} of {len(files) + len(whole)} pieces"
    print(f"asan: {', '.join(chosen)}", flush=True)
    run_jobs(jobs, "asan", slots, covered)


def tsan_stage(slots, covered):
    tsan = Build("tsan", slots)
    tsan.make(["brood_thread_tests"])
    found, _ = Registry(tsan.folder, rules(), environment()).units({"threads"})
    for unit in found["threads"]:
        unit.kind, unit.always = "tsan", True  # they build for a minute and run for seconds
    # A test would find the threads of the one before: brood wants to be used before there are any.
    run_jobs(covered.choose("tsan", found["threads"]), "tsan", slots, covered, one_by_one=True)


def fuzz_stage(options, slots, covered):
    """Each target for its share of the time."""
    fuzz = Build("fuzz", slots)
    fuzz.make([f"fuzz_{target}" for target in FUZZ_TARGETS])
    seconds = max(1, FUZZ_SECONDS // options.share.parts)
    units = [Job("fuzz", f"fuzz_{target}", [str(ROOT / "scripts" / "fuzz.sh"), target, str(seconds)], seconds + 120,
                 folder=str(ROOT), always=True) for target in FUZZ_TARGETS]
    run_jobs(covered.choose("fuzz", units), "fuzz", slots, covered)


def chosen_kinds(options):
    return [KINDS[name] for name in options.kind] if options.kind else in_ring(options.ring)


def run(options):
    kinds = chosen_kinds(options)
    names = {kind.name for kind in kinds}
    slots = processors()
    if names & {kind.name for kind in KINDS.values() if kind.ring == "deep"}:
        part = "all of deep" if options.share.parts == 1 else f"a share of deep; again: ./x test {options.ring} {options.share}"
        print(f"Running {part}", flush=True)
    groups = sorted({group for name in names for group in PACKAGES.get(name, ())})
    builds.install("build", "test", *groups)
    covered = Covered(kinds, options.share, options.only)
    if names - {"asan", "tsan", "fuzz"}:
        dev_stage([kind.name for kind in kinds if kind.name not in ("asan", "tsan", "fuzz")], options, slots, covered)
    if "asan" in names:
        asan_stage(options, slots, covered)
    if "tsan" in names:
        tsan_stage(slots, covered)
    if "fuzz" in names:
        fuzz_stage(options, slots, covered)
    return covered.close()


def list_kinds():
    print(f"{'kind':<10} {'ring':<5} proves")
    for kind in KINDS.values():
        print(f"{kind.name:<10} {kind.ring:<5} {kind.proves}")
