"""Shares: parts of a list, such that consecutive seeds cover all of it."""

import dataclasses
import datetime
import re
import zlib


@dataclasses.dataclass(frozen=True)
class Share:
    """One `parts`-th of each kind; `seed` modulo `parts` says which."""
    seed: int
    parts: int

    def __str__(self):
        return f"--seed {self.seed} --share 1/{self.parts}"

    def of(self, kind, units):
        """This share of a kind's units (jobs), which must come in the same order at every run. Kinds with few begin at
        different seeds, so that no seed gets all of them."""
        begin = zlib.crc32(kind.encode())
        spread = max(1, self.parts // len(units)) if units else 1
        return [unit for i, unit in enumerate(units)
                if unit.always or (begin + i * spread - self.seed) % self.parts == 0]


def parse_parts(text):
    """8 for "1/8"; ValueError with a sentence for anything else."""
    match = re.fullmatch(r"1/([1-9]\d{0,3})", text)
    if not match:
        raise ValueError(f"--share is one part of several, such as 1/8, or 1/1 for all; it cannot be '{text}'")
    return int(match[1])


def parse_seed(text):
    if not re.fullmatch(r"\d{1,9}", text):
        raise ValueError(f"--seed is a whole number from 0 on, as a run before has printed it; it cannot be '{text}'")
    return int(text)


def seed_of_now(now=None):
    """Goes on by one every three hours and by one more each day, so that runs many times a day and runs once a day both
    come past every share."""
    now = now or datetime.datetime.now(datetime.timezone.utc)
    return now.toordinal() + now.hour // 3
