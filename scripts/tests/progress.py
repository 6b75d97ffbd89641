"""One line of progress, and failures above it."""

import sys
import threading
import time


def duration(seconds):
    seconds = int(seconds + 0.5)
    return f"{seconds} s" if seconds < 100 else f"{seconds // 60} min {seconds % 60:02d} s"


class Progress:
    """On a terminal the line is drawn again and again; elsewhere it is printed each half minute. Any thread may call."""

    def __init__(self, expected, out=sys.stdout, clock=time.monotonic):
        """`expected`: {(kind, name): seconds}, guesses of how long each will take."""
        self.expected, self.out, self.clock = dict(expected), out, clock
        self.all, self.total = len(expected), sum(expected.values())
        self.done = self.failed = 0
        self.begun = self.drawn = clock()
        self.lock = threading.Lock()
        self.terminal = out.isatty()

    def line(self):
        spent = self.clock() - self.begun
        left = sum(self.expected.values())
        known = self.total - left
        guess = f", about {duration(spent / known * left)} left" if known > 0 and spent > 2 and left > 0 else ""
        return f"{self.done}/{self.all} tests, {self.failed} failed, {duration(spent)}{guess}"

    def note(self, outcome):
        with self.lock:
            self.done += 1
            self.expected.pop((outcome.kind, outcome.name), None)
            if outcome.state == "failed":
                self.failed += 1
                self.write(f"FAILED {outcome.name} ({duration(outcome.seconds)})\n{outcome.text.rstrip()}\n"
                           f"  again: {outcome.again}\n")
            now = self.clock()
            if now - self.drawn > (0.1 if self.terminal else 30) or self.done == self.all:
                self.drawn = now
                self.write("", self.line())

    def write(self, text, line=""):
        if self.terminal:
            self.out.write("\r\033[K" + text + line)
        else:
            self.out.write(text + (line + "\n" if line else ""))
        self.out.flush()

    def end(self):
        if self.terminal and self.done:
            self.write("", self.line() + "\n")
