"""tests/rings.txt, the kinds, and what the command line refuses."""

import contextlib
import io
import pathlib
import tempfile
import unittest
from unittest import mock

import support
import builds
import options as door
import plan
from covered import Covered
from jobs import Job, Outcome
from kinds import KINDS
from registry import RegistryError, matches, read_rings
from share import Share


class RulesTest(unittest.TestCase):
    def test_a_pattern_is_suite_and_name_whatever_instantiates_it(self):
        self.assertTrue(matches("over/PoolHostile.loses/up", ["PoolHostile.*"]))
        self.assertTrue(matches("PoolHostile.loses", ["PoolHostile.*"]))
        self.assertFalse(matches("NoPoolHostile.loses", ["PoolHostile.*"]))

    def test_the_file_of_rings_is_read_and_nonsense_in_it_named(self):
        self.assertTrue(read_rings(support.ROOT / "tests" / "rings.txt"))
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "rings.txt")
            file.write_text("# a comment\nnoise A.*\n\nsometimes B.*\n")
            with self.assertRaisesRegex(RegistryError, r"rings.txt:4: .*'sometimes B"):
                read_rings(file)

    def test_contributing_tells_of_each_kind(self):
        page = (support.ROOT / "CONTRIBUTING.md").read_text("utf-8")
        for kind in KINDS.values():
            self.assertIn(f"| {kind.name} | {kind.ring} | {kind.proves} |", page)


class CoveredTest(unittest.TestCase):
    def covered(self, units, outcomes, share=Share(0, 1)):
        covered = Covered([KINDS["points"]], share)
        chosen = covered.choose("points", units)
        covered.note(outcomes)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            code = covered.close()
        return chosen, code, said.getvalue()

    def test_a_share_that_was_cut_short_fails_and_says_so(self):
        units = [Job("points", name, []) for name in "abc"]
        _, code, said = self.covered(units, [Outcome("points", name, "passed", 1) for name in "ab"])
        self.assertEqual(code, 1)
        self.assertIn("cut short: points (2 of 3 chosen)", said)
        _, code, said = self.covered(units, [Outcome("points", name, "passed", 1) for name in "abc"])
        self.assertEqual(code, 0)
        self.assertEqual(said.split("\n")[-2], "3 passed, 0 failed, 0 skipped")

    def test_no_test_at_all_is_a_failure(self):
        self.assertEqual(self.covered([], [])[1], 1)

    def test_a_share_with_nothing_in_it_says_so(self):
        results = [self.covered([Job("points", "a", [])], [], Share(seed, 8)) for seed in range(8)]
        self.assertEqual(sorted((len(chosen), code) for chosen, code, _ in results), [(0, 0)] * 7 + [(1, 1)])
        self.assertIn("another --seed has them", next(said for chosen, _, said in results if not chosen))


class MachineTest(unittest.TestCase):
    def test_a_full_disk_is_told_of_before_the_build(self):
        with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=700_000_000)):
            with self.assertRaisesRegex(builds.BuildError, "has 0.7 GB left, and a build needs up to 3.2 GB"):
                builds.check_space()

    def test_one_processor_is_told_of(self):
        with mock.patch("os.sched_getaffinity", return_value={3}), contextlib.redirect_stdout(io.StringIO()) as said:
            self.assertEqual(plan.processors(), 1)
        self.assertIn("This machine gives one processor", said.getvalue())

    def test_a_command_without_code_is_the_same_command_otherwise(self):
        command = ["g++", "-O2", "-o", "a.o", "-c", "a.cpp"]
        self.assertEqual(builds.without_code(command), ["g++", "-O2", "a.cpp", "-fsyntax-only"])


class CommandLineTest(unittest.TestCase):
    def refused(self, *arguments):
        with contextlib.redirect_stderr(io.StringIO()) as said, self.assertRaises(SystemExit) as end:
            door.parse(arguments)
        self.assertEqual(end.exception.code, 2)
        return said.getvalue().split("\n")[0]

    def test_nonsense_is_refused_in_a_sentence(self):
        self.assertIn("there is no ring 'quick'", self.refused("quick"))
        self.assertIn("there is no kind of test 'x'", self.refused("--kind", "x"))
        self.assertIn("it cannot be '0/8'", self.refused("--share", "0/8"))
        self.assertIn("it cannot be 'soon'", self.refused("--seed", "soon"))
        self.assertIn("is not a regular expression", self.refused("--only", "("))
        self.assertIn("it cannot be '0'", self.refused("--flakes", "0", "x"))

    def test_ci_runs_its_ring_when_none_is_named(self):
        with mock.patch.dict("os.environ", {"CI": "true"}):
            options = door.parse([])
        self.assertEqual((options.ring, options.share.parts), ("ci", 8))
        with mock.patch.dict("os.environ", {"CI": ""}):
            self.assertEqual(door.parse([]).ring, "fast")
        self.assertEqual(door.parse(["deep"]).share.parts, 1)
        self.assertEqual(door.parse(["deep", "--seed", "7", "--share", "1/4"]).share, Share(7, 4))


if __name__ == "__main__":
    unittest.main()
