"""The runner names what fails, crashes, hangs and leaves somebody behind, and goes on with the rest."""

import os
import tempfile
import threading
import time
import unittest

import support
from jobs import Batch, Job
from registry import batched, listed_tests
from run import Runner


class RunTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.program = support.program(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def run_jobs(self, *jobs):
        return {o.name: o for o in Runner(support.Silent(), 2, dict(os.environ)).run(jobs)}

    def batch(self, names, timeout=20):
        return Batch("tests", "batch", [self.program], timeout, names=names)

    def test_every_test_of_a_batch_is_told_whatever_the_others_do(self):
        names = ["Good.one", "Bad.fails", "Bad.crashes", "Good.two", "Bad.exits", "Bad.skips", "each/Of.one/1", "Good.three"]
        told = self.run_jobs(self.batch(names))
        self.assertEqual({name: told[name].state for name in names}, {
            "Good.one": "passed", "Bad.fails": "failed", "Bad.crashes": "failed", "Good.two": "passed",
            "Bad.exits": "failed", "Bad.skips": "skipped", "each/Of.one/1": "passed", "Good.three": "passed"})
        self.assertIn("it is 3 and not 4", told["Bad.fails"].text)
        self.assertIn("before the end\nit ended its process: killed by SIGSEGV", told["Bad.crashes"].text)
        self.assertIn("it ended its process: exit code 0", told["Bad.exits"].text)
        self.assertIn("not on this machine", told["Bad.skips"].text)
        self.assertIn("--gtest_filter=Bad.crashes", told["Bad.crashes"].again)

    def test_a_test_that_hangs_is_ended_and_the_rest_goes_on(self):
        told = self.run_jobs(self.batch(["Good.one", "Worse.hangs", "Good.two"], timeout=2))
        self.assertEqual([told[name].state for name in ("Good.one", "Worse.hangs", "Good.two")],
                         ["passed", "failed", "passed"])
        self.assertIn("nothing was heard for 2 s", told["Worse.hangs"].text)

    def test_somebody_who_is_left_behind_with_the_output_is_a_failure(self):
        told = self.run_jobs(self.batch(["Good.one", "Worse.leaves_somebody"], timeout=2))
        self.assertIn("failed", [o.state for o in told.values()])

    def test_a_program_that_cannot_be_started_fails_all_its_tests(self):
        told = self.run_jobs(Batch("tests", "batch", ["/no/such/program"], names=["A.a", "A.b"]))
        self.assertEqual([told[name].state for name in ("A.a", "A.b")], ["failed", "failed"])
        self.assertIn("cannot be started", told["A.a"].text)

    def test_a_program_that_runs_none_of_the_tests_fails_them(self):
        told = self.run_jobs(Batch("tests", "batch", ["true"], names=["A.a"]))
        self.assertEqual(told["A.a"].state, "failed")

    def test_commands_pass_fail_skip_and_time_out(self):
        told = self.run_jobs(Job("rooms", "good", ["true"]), Job("rooms", "bad", ["sh", "-c", "echo why; exit 3"]),
                             Job("rooms", "skipped", ["sh", "-c", "echo reason; exit 77"], skip_code=77),
                             Job("rooms", "endless", ["sh", "-c", "echo begun; sleep 1000"], timeout=1))
        self.assertEqual({name: o.state for name, o in told.items()},
                         {"good": "passed", "bad": "failed", "skipped": "skipped", "endless": "failed"})
        self.assertEqual(told["bad"].text, "why\nexit code 3\n")
        self.assertIn("begun\nendless has not ended after 1 s", told["endless"].text)

    def test_jobs_that_want_the_machine_alone_run_when_all_others_have_ended(self):
        log = os.path.join(self.folder.name, "log")
        jobs = [Job("rooms", f"{slot} {i}", ["sh", "-c", f"echo + >> {log}; sleep 0.2; echo - >> {log}"], slot=slot)
                for slot in ("alone", "cpu", "waits") for i in range(3)]
        self.assertEqual({o.state for o in self.run_jobs(*jobs).values()}, {"passed"})
        with open(log) as file:
            self.assertEqual(file.read().split()[-6:], ["+", "-"] * 3)

    def test_stopping_ends_what_runs_and_begins_nothing(self):
        runner = Runner(support.Silent(), 1, dict(os.environ))
        begun = time.monotonic()
        stopper = threading.Timer(0.5, runner.stop)
        stopper.start()
        runner.run([Job("rooms", "first", ["sleep", "1000"]), Job("rooms", "second", ["sleep", "1000"])])
        self.assertLess(time.monotonic() - begun, 100)
        self.assertEqual(runner.outcomes, [])

    def test_the_tests_of_a_program_are_listed_and_put_into_batches_once_each(self):
        names = listed_tests(self.program, dict(os.environ))
        self.assertEqual(len(names), 11)
        self.assertIn("each/Of.one/1", names)
        units = [Batch("tests", name, [self.program], names=[name]) for name in names]
        batches = batched([*units, Job("rooms", "a command", ["true"])], slots=2)
        self.assertEqual(sorted(t for b in batches for t in b.tests()), sorted([*names, "a command"]))
        self.assertLess(len(batches), len(units))


if __name__ == "__main__":
    unittest.main()
