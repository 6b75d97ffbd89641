"""The line of progress."""

import io
import unittest

import support  # noqa: F401
from jobs import Outcome
from progress import Progress, duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


class ProgressTest(unittest.TestCase):
    def setUp(self):
        self.now = 0.0

    def progress(self, out):
        return Progress({("tests", f"A.{i}"): 1.0 for i in range(4)}, out, lambda: self.now)

    def tell(self, progress, seconds, name, state="passed", text=""):
        self.now += seconds
        progress.note(Outcome("tests", name, state, seconds, text, "the command"))

    def test_one_line_is_drawn_again_and_again_on_a_terminal(self):
        progress = self.progress(out := Terminal())
        for i in range(3):
            self.tell(progress, 3, f"A.{i}")
        self.assertEqual(out.getvalue().count("\n"), 0)
        self.assertEqual(out.getvalue().split("\r\033[K")[-1], "3/4 tests, 0 failed, 9 s, about 3 s left")
        progress.end()
        self.assertTrue(out.getvalue().endswith("\n"))

    def test_a_line_each_half_minute_elsewhere_and_one_at_the_end(self):
        progress = self.progress(out := io.StringIO())
        for i, seconds in enumerate((10, 25, 10, 10)):
            self.tell(progress, seconds, f"A.{i}")
        self.assertEqual(out.getvalue(), "2/4 tests, 0 failed, 35 s, about 35 s left\n4/4 tests, 0 failed, 55 s\n")

    def test_a_failure_is_told_at_once_with_its_command(self):
        progress = self.progress(out := Terminal())
        self.tell(progress, 3, "A.0", "failed", "it is 3 and not 4\n")
        self.assertIn("FAILED A.0 (3 s)\nit is 3 and not 4\n  again: the command\n", out.getvalue())
        self.assertIn("1/4 tests, 1 failed", out.getvalue())

    def test_durations_read_as_people_say_them(self):
        self.assertEqual([duration(s) for s in (0.2, 59.6, 99.4, 100, 3600)],
                         ["0 s", "60 s", "99 s", "1 min 40 s", "60 min 00 s"])


if __name__ == "__main__":
    unittest.main()
