"""The kinds of test: what each proves, and its ring.

  fast   every behaviour once; each change runs all of it
  each   what a change runs in full beside the fast ring, and a newcomer does not
  deep   the exhaustive and the slow: a change runs a share, and ./x test deep all of it
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Kind:
    name: str
    ring: str
    proves: str


KINDS = {kind.name: kind for kind in (
    Kind("tests", "fast", "every behaviour of the library, once"),
    Kind("threads", "fast", "code between threads: rings, futures, lanes"),
    Kind("costs", "fast", "operations cost so many system calls, faults, allocations"),
    Kind("examples", "fast", "each example prints its golden text, on a terminal and into a pipe"),
    Kind("corpus", "fast", "inputs that fuzzing found are read without harm"),
    Kind("compile", "fast", "code that must not compile gets its message; code that must compiles"),
    Kind("rooms", "fast", "the check of #include lines finds what goes against the map of rooms"),
    Kind("pages", "fast", "README and tutorials show the examples and their output to the letter"),
    Kind("runner", "fast", "this runner: shares, crashes, hangs, bad input"),
    Kind("format", "each", "the code is formatted"),
    Kind("docs", "each", "the pages build, no link is broken, every public name has a comment"),
    Kind("user", "deep", "the tests as an ordinary user, where root runs them; those about rights at each change"),
    Kind("long", "deep", "behaviours whose proof takes long: sizes, time limits, whole tours"),
    Kind("noise", "deep", "a hostile process that writes over the arena and its lanes harms no more than it says"),
    Kind("models", "deep", "rings and lanes, in every order of their accesses, with every death"),
    Kind("points", "deep", "a kill at every instruction of every operation loses at most that operation"),
    Kind("plants", "deep", "the kill points find each bug that is planted"),
    Kind("failing", "deep", "the n-th failing system call or allocation, for every n, gives a clean error"),
    Kind("deaths", "deep", "a program that dies in any state and way leaves nobody and nothing behind"),
    Kind("storm", "deep", "pools and queues under an adversary lose, double and leak nothing"),
    Kind("consumers", "deep", "a stranger's project builds and runs: installed, and fetched"),
    Kind("headers", "deep", "each public header compiles alone"),
    Kind("lint", "deep", "clang-tidy's few checks"),
    Kind("clang", "deep", "every file passes Clang with warnings as errors"),
    Kind("builds", "deep", "the builds that nothing else makes: the demo, the bench, Clang's own"),
    Kind("asan", "deep", "the tests under address and undefined behaviour sanitizers"),
    Kind("tsan", "deep", "the tests between threads under the thread sanitizer"),
    Kind("fuzz", "deep", "six fuzz targets find nothing new"),
)}
RINGS = ("fast", "deep", "all", "ci")


def in_ring(ring):
    """The kinds that a ring holds in full or in part."""
    wanted = {"fast": {"fast"}, "deep": {"deep"}, "all": {"fast", "each", "deep"}, "ci": {"fast", "each", "deep"}}[ring]
    return [kind for kind in KINDS.values() if kind.ring in wanted]
