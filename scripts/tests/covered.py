"""What of each kind a run has covered, and what came of it."""

import collections
import dataclasses
import time

from kinds import KINDS
from progress import duration


@dataclasses.dataclass
class Row:
    units: object = 0  # how many there are, or a text that says so
    matching: int = 0  # of a name that was asked for
    chosen: int = 0  # of these, in this share
    outcomes: list = dataclasses.field(default_factory=list)

    def count(self, state):
        return sum(outcome.state == state for outcome in self.outcomes)


class Covered:
    """`only`: a regular expression for the names, or None."""

    def __init__(self, kinds, share, only=None):
        self.rows = {kind.name: Row() for kind in kinds}
        self.share, self.only = share, only
        self.begun = time.monotonic()

    def choose(self, kind, units):
        row = self.rows[kind]
        matching = [unit for unit in units if not self.only or self.only.search(unit.name)]
        chosen = matching
        if KINDS[kind].ring == "deep":
            in_share = {id(unit) for unit in self.share.of(kind, units)}
            chosen = [unit for unit in matching if id(unit) in in_share]
        row.units, row.matching, row.chosen = len(units), len(matching), len(chosen)
        return chosen

    def note(self, outcomes):
        for outcome in outcomes:
            self.rows[outcome.kind].outcomes.append(outcome)

    def table(self):
        lines = [f"{'kind':<10} {'of':>15} {'run':>5} {'skipped':>8} {'failed':>7} {'seconds':>8}"]
        for kind, row in self.rows.items():
            seconds = sum(outcome.seconds for outcome in row.outcomes)
            lines.append(f"{kind:<10} {row.units:>15} {len(row.outcomes):>5} {row.count('skipped'):>8} "
                         f"{row.count('failed'):>7} {seconds:>8.0f}")
        return "\n".join(lines)

    def cut_short(self):
        """The kinds of which something was chosen and not run."""
        return [f"{kind} ({len(row.outcomes)} of {row.chosen} chosen)" for kind, row in self.rows.items()
                if len(row.outcomes) != row.chosen]

    def close(self):
        """Prints what there is to know; the exit code."""
        outcomes = [outcome for row in self.rows.values() for outcome in row.outcomes]
        skipped = collections.Counter(o.text.strip().rpartition("\n")[2] for o in outcomes if o.state == "skipped")
        for reason, times in sorted(skipped.items()):
            print(f"skipped {times}: {reason}")
        slowest = sorted(outcomes, key=lambda o: -o.seconds)[:5]
        if slowest:
            print("slowest: " + ", ".join(f"{o.name} {o.seconds:.1f} s" for o in slowest))
        print(self.table())
        failed = [outcome for outcome in outcomes if outcome.state == "failed"]
        for outcome in failed:
            print(f"FAILED {outcome.kind}: {outcome.name}\n  again: {outcome.again}")
        short = self.cut_short()
        if short:
            print("cut short: " + ", ".join(short))
        unknown = not any(row.matching for row in self.rows.values())
        if unknown:
            print("./x test: no test was run: no name matches")
        elif not outcomes:
            print("none of these is in this share; another --seed has them")
        print(f"in {duration(time.monotonic() - self.begun)}")
        passed = sum(outcome.state == "passed" for outcome in outcomes)
        print(f"{passed} passed, {len(failed)} failed, {sum(skipped.values())} skipped", flush=True)
        return 1 if failed or short or unknown else 0
