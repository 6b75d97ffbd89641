#!/usr/bin/env python3
"""What Python's pools do in the deaths of docs/reliability.md: each in a program of its own, seen from outside.

    python3 scripts/docs/deaths.py [PATIENCE]

Prints a table: for each death and pool what became of the task, of twenty others, and of the pool afterwards.
loky is the one that joblib brings (Debian: python3-joblib); without it its column is left out.
"""
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

DEATHS = {
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "SIGSEGV": lambda: ctypes.string_at(0),
    "abort()": os.abort,
    "_exit(0)": lambda: os._exit(0),
    "exit(3)": lambda: sys.exit(3),
    "out of a thread": lambda: (threading.Thread(target=os.abort).start(), time.sleep(9)),
    "stack overflow": lambda: ctypes.CDLL(None).qsort((ctypes.c_int * 2)(2, 1), 2, 4, OVERFLOW),
    "exec": lambda: os.execl("/bin/true", "true"),
    "stopped for ever": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "idle worker killed": None,
    "program killed": None,
}


def overflow(a, b):
    return ctypes.CDLL(None).qsort((ctypes.c_int * 2)(2, 1), 2, 4, OVERFLOW) or 0


OVERFLOW = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(overflow)


def good(i):
    time.sleep(0.01)
    return 2 * i


def die(name):
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.setrecursionlimit(10**6)
    DEATHS[name]()


def workers_of(pool, kind):
    return [p.pid for p in pool._pool] if kind == "Pool" else list(pool._processes)


class Pool:
    def __init__(self, kind):
        if kind == "Pool":
            import multiprocessing
            self.pool = multiprocessing.get_context("fork").Pool(2)
            self.submit = lambda f, *a: self.pool.apply_async(f, a)
            self.result = lambda future: future.get()
        else:
            if kind == "loky":
                from joblib.externals.loky import ProcessPoolExecutor
                self.pool = ProcessPoolExecutor(2)
            else:
                from concurrent.futures import ProcessPoolExecutor
                self.pool = ProcessPoolExecutor(2)
            self.submit = self.pool.submit
            self.result = lambda future: future.result()
        self.kind = kind


def outcome(pool, futures, patience):
    """What became of all: 'finish', 'fail: Type', 'hang'."""
    seen = []

    def look():
        for future in futures:
            try:
                pool.result(future)
                seen.append("finish")
            except BaseException as error:  # noqa: B902  what a worker threw may be SystemExit
                seen.append(f"fail: {type(error).__name__}")

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(patience)
    kinds = sorted(set(seen)) + (["hang"] if len(seen) < len(futures) else [])
    return " / ".join(kinds)


def program(kind, name, patience):
    pool = Pool(kind)
    outcome(pool, [pool.submit(good, i) for i in range(4)], patience)
    if name == "program killed":
        for i in range(4):
            pool.submit(time.sleep, 30)
        time.sleep(0.3)
        print(*workers_of(pool.pool, kind), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "idle worker killed":
        time.sleep(0.2)
        os.kill(workers_of(pool.pool, kind)[0], signal.SIGKILL)
        time.sleep(0.2)
        bad = []
    else:
        bad = [pool.submit(die, name)]
    try:
        others = [pool.submit(good, i) for i in range(20)]
    except Exception as error:
        print("others: refused:", type(error).__name__, flush=True)
        os.killpg(0, signal.SIGKILL)
    print("task:", outcome(pool, bad, patience) if bad else "-")
    print("others:", outcome(pool, others, patience))
    try:
        print("then:", outcome(pool, [pool.submit(good, 1)], patience), flush=True)
    except Exception as error:
        print("then: refuses:", type(error).__name__, flush=True)
    os.killpg(0, signal.SIGKILL)


def ask(kind, name, patience):
    command = [sys.executable, __file__, "--one", kind, name, str(patience)]
    done = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True)
    try:
        out, _ = done.communicate(timeout=5 * patience)
    except subprocess.TimeoutExpired:
        os.killpg(done.pid, signal.SIGKILL)
        out, _ = done.communicate()
    if name == "program killed":
        time.sleep(1)
        alive = [p for p in out.split() if os.path.exists(f"/proc/{p}")]
        out = f"{len(alive)} of {len(out.split())} workers live on after 1 s"
        if alive:
            os.killpg(done.pid, signal.SIGKILL)
    return ", ".join(line.strip() for line in out.splitlines()) or "the program hangs"


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "--one":
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
        import deaths  # the functions by name: loky would send those of __main__ as they are
        return deaths.program(sys.argv[2], sys.argv[3], float(sys.argv[4]))
    patience = float(sys.argv[1]) if len(sys.argv) > 1 else 3
    kinds = ["Pool", "ProcessPoolExecutor"]
    try:
        import joblib.externals.loky  # noqa: F401
        kinds.append("loky")
    except ImportError:
        print("loky is not here (Debian: python3-joblib)", file=sys.stderr)
    print("|", " | ".join(["death", *kinds]), "|")
    print("|" + "---|" * (len(kinds) + 1))
    for name in DEATHS:
        print("|", " | ".join([name, *(ask(kind, name, patience) for kind in kinds)]), "|", flush=True)


if __name__ == "__main__":
    main()
