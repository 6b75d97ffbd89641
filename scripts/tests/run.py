"""Runs jobs: as many at once as there are processors, those that only wait beside them, those that want the machine to
themselves at the end. Whatever a job does, it ends: by itself, by its watchdog, or with this program."""

import os
import queue
import re
import shlex
import signal
import subprocess
import threading
import time

from jobs import Batch, Outcome

RUN = re.compile(r"^\[ RUN      \] (\S+)$")
END = re.compile(r"^(.*?)\[ *(OK|FAILED|SKIPPED) *\] (\S+?),?(?: where .*)? \((\d+) ms\)$")
MOST_TEXT = 20_000  # characters of a failure that are shown


class Running:
    """A process with its output, in a group of its own that is killed as a whole."""

    def __init__(self, command, environment, folder):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=environment, cwd=folder, start_new_session=True)
        self.lines = queue.SimpleQueue()  # None at the end
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        with self.process.stdout as output:
            for line in output:
                self.lines.put(line.decode("utf-8", "replace"))
        self.lines.put(None)

    def next_line(self, seconds):
        """None at the end; raises queue.Empty after so long."""
        return self.lines.get(timeout=max(0.01, seconds))

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def end(self):
        """The exit code, once nobody prints any more: negative for a signal."""
        return self.process.wait()


def code_in_words(code):
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


class Runner:
    """`environment`: of every job, below its own."""

    def __init__(self, progress, slots, environment):
        self.progress, self.slots, self.environment = progress, slots, environment
        self.outcomes, self.running, self.stopped = [], set(), False
        self.lock = threading.Lock()

    # ---- what came of it

    def note(self, job, name, state, seconds, text="", again=None):
        if len(text) > MOST_TEXT:
            text = text[:MOST_TEXT // 2] + "\n[...]\n" + text[-MOST_TEXT // 2:]
        outcome = Outcome(job.kind, name, state, seconds, text, again or shlex.join(map(str, job.command)))
        with self.lock:
            if self.stopped:
                return
            self.outcomes.append(outcome)
        self.progress.note(outcome)

    # ---- starting and stopping

    def start(self, command, job):
        with self.lock:
            if self.stopped:
                raise InterruptedError
            running = Running([str(word) for word in command], {**self.environment, **job.environment}, job.folder)
            self.running.add(running)
            return running

    def forget(self, running):
        with self.lock:
            self.running.discard(running)

    def stop(self):
        """Ends all that runs; nothing is begun any more."""
        with self.lock:
            self.stopped = True
            for running in self.running:
                running.kill()

    def run(self, jobs):
        """Returns the outcomes. Raises KeyboardInterrupt, with nothing left running, when it is interrupted."""
        work = {slot: queue.SimpleQueue() for slot in ("cpu", "waits", "alone")}
        for job in jobs:
            work[job.slot].put(job)
        try:
            self.run_queues([work["cpu"]] * self.slots + [work["waits"]] * 2)
            self.run_queues([work["alone"]])
        except BaseException:
            self.stop()
            raise
        return self.outcomes

    def run_queues(self, queues):
        threads = [threading.Thread(target=self.run_queue, args=(each,)) for each in queues]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def run_queue(self, jobs):
        while True:
            try:
                job = jobs.get_nowait()
            except queue.Empty:
                return
            try:
                if isinstance(job, Batch):
                    self.run_batch(job)
                else:
                    self.run_command(job)
            except InterruptedError:
                return
            except OSError as error:
                for name in job.tests():
                    self.note(job, name, "failed", 0, f"cannot be started: {error}")

    # ---- one command

    def run_command(self, job):
        begun = time.monotonic()
        running = self.start(job.command, job)
        text, code = [], None
        try:
            while True:
                line = running.next_line(begun + job.timeout - time.monotonic())
                if line is None:
                    break
                text.append(line)
            code = running.end()
        except queue.Empty:
            running.kill()
            text.append(f"{job.name} has not ended after {job.timeout:.0f} s, or has left somebody who holds its output: "
                        "ended by its watchdog\n")
        finally:
            self.forget(running)
        said, seconds = "".join(text), time.monotonic() - begun
        if code is not None and code == job.skip_code:
            self.note(job, job.name, "skipped", seconds, said)
        elif code == 0:
            self.note(job, job.name, "passed", seconds, said)
        else:
            if code is not None:
                said += f"{code_in_words(code)}\n"
            self.note(job, job.name, "failed", seconds, said)

    # ---- many tests in one process

    def run_batch(self, batch):
        """A test that ends its process is named, and the rest goes on in a new one."""
        left = list(batch.names)
        while left:
            ended = self.run_once(batch, left)
            left = [name for name in left if name not in ended]
            if not ended:
                for name in left:
                    self.note(batch, name, "failed", 0, "its program ended without running it")
                return

    def run_once(self, batch, names):
        """Runs the tests in one process for as long as it lives; the names of those that are through."""
        running = self.start([*batch.command, "--gtest_filter=" + ":".join(names)], batch)
        ended, current, text, begun, stray = set(), None, [], time.monotonic(), []

        def through(name, state, seconds, said):
            ended.add(name)
            self.note(batch, name, state, seconds, said,
                      shlex.join([*map(str, batch.command), "--gtest_filter=" + name]))

        try:
            while True:
                line = running.next_line(begun + batch.timeout - time.monotonic())
                if line is None:
                    break
                stripped = line.rstrip("\n")
                if match := RUN.match(stripped):
                    current, text, begun = match[1], [], time.monotonic()
                elif current and (match := END.match(stripped)) and match[3] == current:
                    if match[1]:
                        text.append(match[1] + "\n")
                    state = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}[match[2]]
                    through(current, state, int(match[4]) / 1000, "".join(text))
                    current, begun = None, time.monotonic()
                else:
                    (text if current else stray).append(line)
            code = running.end()
            said = "".join(text) + f"it ended its process: {code_in_words(code)}\n"
        except queue.Empty:
            running.kill()
            code, said = None, "".join(text) + f"nothing was heard for {batch.timeout:.0f} s: ended by its watchdog\n"
            if not current:
                # All tests are through, and somebody lives on who has the program's output.
                current = names[-1] if ended >= set(names) else next(n for n in names if n not in ended)
                said = "after it, " + said
                ended.discard(current)
        finally:
            self.forget(running)
        if current:
            through(current, "failed", time.monotonic() - begun, said)
        elif code != 0 and not any(o.state == "failed" and o.name in ended for o in self.outcomes):
            through(names[-1], "failed", 0, f"its program passed all tests and then failed: {code_in_words(code)}\n" +
                    "".join(stray[-40:]))
        return ended
