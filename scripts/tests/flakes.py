"""The hunt for flaky tests."""

import collections
import random

import builds
import plan
from builds import Build, BuildError
from progress import Progress
from registry import Registry, batched
from run import Runner

KINDS_HUNTED = {"tests", "long", "noise", "threads", "costs", "corpus", "examples", "models", "compile", "rooms", "pages"}


def hunt(times, regex):
    """Runs the tests whose names match so often, in changing company, on a machine that is busy beside them."""
    builds.install("build", "test")
    slots = plan.processors()
    dev = Build("dev", slots, ["-DBROOD_TEST_FILES="])
    dev.make(sorted({target for kind in KINDS_HUNTED for target in plan.DEV_TARGETS.get(kind, ())}))
    found, _ = Registry(dev.folder, plan.rules(), plan.environment()).units(KINDS_HUNTED)
    units = [unit for each in found.values() for unit in each if regex.search(unit.name)]
    if not units:
        raise BuildError(f"no test's name matches '{regex.pattern}'")
    print(f"{len(units)} tests, {times} times each")
    failures, count = collections.Counter(), 0
    for turn in range(times):
        random.Random(turn).shuffle(units)
        runner = Runner(Progress({(u.kind, u.name): 1 for u in units}), slots + 1, plan.environment())
        runner.run(batched(units, slots))
        runner.progress.end()
        count += len(runner.outcomes)
        failures.update(o.name for o in runner.outcomes if o.state == "failed")
    for name, failed in failures.most_common():
        print(f"{name}: failed {failed} of {times} times")
    failed = sum(failures.values())
    print(f"{count - failed} passed, {failed} failed")
    return 1 if failed else 0
