"""Configures and builds presets, and knows the compiler's commands."""

import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time

from jobs import Job
from progress import duration

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEAST_SPACE = 3 << 30  # bytes; build/dev of everything takes some 2 GB


class BuildError(Exception):
    """A sentence that says what failed."""


def check_space(folder=ROOT):
    free = shutil.disk_usage(folder).free
    if free < LEAST_SPACE:
        raise BuildError(f"{folder} has {free / 1e9:.1f} GB left, and a build needs up to {LEAST_SPACE / 1e9:.1f} GB: "
                         "please make room")


def install(*groups):
    """Missing Debian packages, by the groups that ./x knows."""
    if subprocess.run([str(ROOT / "x"), "packages", *groups]).returncode != 0:
        raise BuildError(f"packages are missing ({', '.join(groups)})")


def quietly(command, what):
    """Shows what a command said only when it fails."""
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    if ran.returncode != 0:
        sys.stdout.write(ran.stdout.decode("utf-8", "replace"))
        raise BuildError(f"{what} failed: {shlex.join(command)}")
    return ran.stdout.decode("utf-8", "replace")


class Build:
    """build/PRESET."""

    def __init__(self, preset, jobs, definitions=()):
        self.preset, self.jobs, self.folder = preset, jobs, ROOT / "build" / preset
        check_space()
        quietly(["cmake", "--preset", preset, *definitions], f"configuring {preset}")

    def make(self, targets):
        """On a terminal with ninja's own progress, elsewhere with a line of it each half minute."""
        print(f"Building build/{self.preset} on {self.jobs} processors", flush=True)
        begun = told = time.monotonic()
        command = ["ninja", "-C", str(self.folder), f"-j{self.jobs}", *targets]
        if sys.stdout.isatty():
            code = subprocess.run(command).returncode
        else:
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  errors="replace") as ninja:
                try:
                    for line in ninja.stdout:
                        step = line.startswith("[") or line.startswith("ninja: ")
                        if not step or time.monotonic() - told > 30:
                            print(line, end="", flush=True)
                            told = time.monotonic()
                except KeyboardInterrupt:
                    ninja.terminate()
                    raise
            code = ninja.returncode
        if code != 0:
            raise BuildError(f"build/{self.preset} does not build: see above")
        print(f"Built build/{self.preset} in {duration(time.monotonic() - begun)}", flush=True)

    def commands(self):
        """{path below the root: (command, folder)} of every file that the preset compiles and that is there."""
        found = {}
        for entry in json.loads((self.folder / "compile_commands.json").read_text("utf-8")):
            file = pathlib.Path(entry["directory"], entry["file"])
            if file.exists() and ".dir/" not in str(file):  # not what CMake makes for itself
                found.setdefault(os.path.relpath(file, ROOT), (shlex.split(entry["command"]), entry["directory"]))
        return dict(sorted(found.items()))


def without_code(command):
    """The same, but it makes no code."""
    kept = list(command)
    at = kept.index("-o")
    del kept[at:at + 2]
    return [word for word in kept if word != "-c"] + ["-fsyntax-only"]


def recently_changed(hours=4):
    """Files of the commits of the hours up to the last one, and what is not committed."""
    def lines(*arguments):
        ran = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
        return ran.stdout.split("\n") if ran.returncode == 0 else []
    last = lines("log", "-1", "--format=%ct")[0]
    since = lines("log", f"--since={int(last) - hours * 3600}", "--format=", "--name-only") if last else []
    return {line for line in [*since, *lines("diff", "--name-only", "HEAD")] if line}


def file_jobs(kind, commands, make_command, changed):
    """A job for each file; files that were changed lately are in every share."""
    return [Job(kind, f"{kind}: {file}", make_command(file, command), 300, folder=folder, always=file in changed)
            for file, (command, folder) in commands.items()]
