"""Shares: eight seeds in a row cover all, once."""

import datetime
import unittest

import support  # noqa: F401
from jobs import Job
from share import Share, parse_parts, parse_seed, seed_of_now


def units(count):
    return [Job("points", f"unit {i}", []) for i in range(count)]


class ShareTest(unittest.TestCase):
    def test_as_many_seeds_as_parts_cover_every_unit_once(self):
        for parts in (1, 2, 3, 8, 100):
            for count in (0, 1, 2, 3, 7, 8, 9, 16, 51, 1000):
                for kind in ("points", "lint", "consumers"):
                    for first in (0, 5, 739_000):
                        all_units = units(count)
                        met = [u.name for seed in range(first, first + parts)
                               for u in Share(seed, parts).of(kind, all_units)]
                        self.assertEqual(sorted(met), sorted(u.name for u in all_units), (parts, count, kind, first))

    def test_the_same_seed_gives_the_same_share(self):
        self.assertEqual(Share(17, 8).of("points", units(50)), Share(17, 8).of("points", units(50)))

    def test_shares_are_of_a_size(self):
        sizes = [len(Share(seed, 8).of("lint", units(100))) for seed in range(8)]
        self.assertLessEqual(max(sizes) - min(sizes), 1)

    def test_a_unit_that_changed_is_in_every_share(self):
        changed = Job("lint", "changed", [], always=True)
        for seed in range(8):
            self.assertIn(changed, Share(seed, 8).of("lint", [*units(20), changed]))

    def test_runs_each_three_hours_and_each_day_both_come_past_all_of_eight(self):
        begin = datetime.datetime(2026, 12, 1, tzinfo=datetime.timezone.utc)
        for step in (datetime.timedelta(hours=3), datetime.timedelta(days=1)):
            seeds = {seed_of_now(begin + step * i) % 8 for i in range(10)}
            self.assertEqual(seeds, set(range(8)), step)

    def test_nonsense_is_refused_in_a_sentence(self):
        for text in ("0/8", "1/0", "2/8", "1/", "8", "", "1/-8", "1/8x", "1/99999"):
            with self.assertRaisesRegex(ValueError, "--share is one part of several"):
                parse_parts(text)
        for text in ("-1", "x", "", "1.5", "9" * 10):
            with self.assertRaisesRegex(ValueError, "--seed is a whole number"):
                parse_seed(text)


if __name__ == "__main__":
    unittest.main()
