"""Where the runner is, and programs that it can run."""

import pathlib
import stat
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "tests"))

# Speaks as a GoogleTest program does; what a test does is its name.
IMITATION = f"""#!{sys.executable}
import os, signal, sys, time
suites = {{"Good": ["one", "two", "three"], "Bad": ["fails", "crashes", "exits", "skips"],
          "Worse": ["hangs", "leaves_somebody"], "each/Of": ["one/0", "one/1"]}}
if "--gtest_list_tests" in sys.argv:
    for suite, names in suites.items():
        print(suite + ".")
        for name in names:
            print("  " + name + ("  # GetParam() = 7" if "/" in name else ""))
    sys.exit(0)
wanted = sys.argv[-1].removeprefix("--gtest_filter=").split(":")
failed = False
for test in wanted:
    name = test.split(".")[1]
    print(f"[ RUN      ] {{test}}", flush=True)
    if name == "fails":
        print("it is 3 and not 4")
        failed = True
    if name == "crashes":
        print("before the end", flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "exits":
        os._exit(0)
    if name == "hangs":
        time.sleep(1000)
    if name == "leaves_somebody" and os.fork() == 0:
        time.sleep(1000)
    if name == "skips":
        print("not on this machine")
    word = {{"fails": "[  FAILED  ]", "skips": "[  SKIPPED ]"}}.get(name, "[       OK ]")
    print(f"{{word}} {{test}} (7 ms)", flush=True)
sys.exit(failed)
"""


def program(folder, text=IMITATION):
    path = pathlib.Path(folder, "program")
    path.write_text(text, "utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


class Silent:
    """Takes the runner's outcomes and shows none."""

    def note(self, outcome):
        pass
