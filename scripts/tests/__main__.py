"""./x test: builds and runs the tests (options.py says how it is called)."""

import signal
import sys

import flakes
import options
import plan
from builds import BuildError
from registry import RegistryError


def take_signals():
    """Handles what may end this program. What a caller ignores (nohup, a shell for its background) stays without effect
    here, but is not ignored by a handler: tests would inherit that, and some are about being interrupted."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        is_ignored = signal.getsignal(number) == signal.SIG_IGN
        signal.signal(number, (lambda *_: None) if is_ignored else signal.default_int_handler)


def main():
    chosen = options.parse(sys.argv[1:])
    take_signals()
    try:
        if chosen.list:
            plan.list_kinds()
            return 0
        if chosen.flakes:
            return flakes.hunt(*chosen.flakes)
        return plan.run(chosen)
    except (BuildError, RegistryError) as error:
        print(f"./x test: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\n./x test: interrupted; what was running has been ended", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
