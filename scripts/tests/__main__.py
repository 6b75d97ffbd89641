"""./x test: builds and runs the tests (options.py says how it is called)."""

import signal
import sys

import flakes
import options
import plan
from builds import BuildError
from registry import RegistryError


def main():
    chosen = options.parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
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
