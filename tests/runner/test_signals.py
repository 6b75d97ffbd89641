"""The whole program: signals that its caller ignores do not reach the tests as ignored, and an interruption ends it."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import support

PROGRAM = f"""
import os, sys
sys.path.insert(0, {str(support.ROOT / "scripts" / "tests")!r})
sys.path.insert(0, {str(support.ROOT / "tests" / "runner")!r})
import importlib.util, support
spec = importlib.util.spec_from_file_location("door", {str(support.ROOT / "scripts" / "tests" / "__main__.py")!r})
door = importlib.util.module_from_spec(spec)
spec.loader.exec_module(door)
from jobs import Job
from run import Runner
door.take_signals()
runner = Runner(support.Silent(), 1, dict(os.environ))
try:
    for outcome in runner.run([Job("rooms", "job", ["sh", "-c", sys.argv[1]])]):
        print(outcome.text)
except KeyboardInterrupt:
    print("interrupted")
"""


class SignalsTest(unittest.TestCase):
    def start(self, command, ignored=()):
        def ignore():
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)
        return subprocess.Popen([sys.executable, "-c", PROGRAM, command], stdout=subprocess.PIPE, text=True, preexec_fn=ignore)

    def test_tests_do_not_inherit_what_the_caller_ignores(self):
        program = self.start("grep SigIgn /proc/self/status", (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP))
        said, _ = program.communicate(timeout=60)
        self.assertEqual(int(said.split()[1], 16) & 0b111, 0, said)

    def test_an_interruption_ends_what_runs(self):
        with tempfile.NamedTemporaryFile() as file:
            program = self.start(f"echo $$ > {file.name}; exec sleep 1000")
            for _ in range(600):
                if os.path.getsize(file.name):
                    break
                time.sleep(0.1)
            with open(file.name) as there:
                pid = int(there.read())
            program.send_signal(signal.SIGTERM)
            said, _ = program.communicate(timeout=60)
            self.assertEqual(said, "interrupted\n")
            self.assertFalse(os.path.exists(f"/proc/{pid}"))


if __name__ == "__main__":
    unittest.main()
