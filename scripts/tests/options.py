"""The command line of ./x test."""

import argparse
import os
import re
import sys

from kinds import KINDS, RINGS
from share import Share, parse_parts, parse_seed, seed_of_now

USAGE = """./x test: builds and runs the tests.

  ./x test                 the fast ring: every behaviour once
  ./x test deep            the exhaustive and the slow: all of it, or a share (--seed N --share 1/8)
  ./x test all             both, and format and pages
  ./x test ci              what each change passes: fast, format, pages, and a share of deep
  ./x test --only REGEX    tests whose names match, of the ring
  ./x test --flakes N REGEX    the same tests N times, in changing company, beside a busy machine
  ./x test --list          the kinds of test: ring, how many, what each proves
"""


class Parser(argparse.ArgumentParser):
    def error(self, message):
        message = re.sub(r"^argument [^:]*: ", "", message)
        print(f"./x test: {message}\n{USAGE}", file=sys.stderr)
        sys.exit(2)


def by(parse):
    def checked(text):
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    return checked


def a_ring(text):
    if text not in RINGS:
        raise ValueError(f"there is no ring '{text}'; the rings are {', '.join(RINGS)} (--only REGEX chooses tests by name)")
    return text


def a_kind(text):
    if text not in KINDS:
        raise ValueError(f"there is no kind of test '{text}'; the kinds are {', '.join(KINDS)}")
    return text


def a_regex(text):
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"'{text}' is not a regular expression: {error}") from None


def a_count(text):
    if not re.fullmatch(r"[1-9]\d{0,3}", text):
        raise ValueError(f"a count is a whole number from 1 to 9999; it cannot be '{text}'")
    return int(text)


def parse(arguments):
    parser = Parser(prog="./x test", usage=argparse.SUPPRESS, description=USAGE,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ring", nargs="?", type=by(a_ring), default="ci" if os.environ.get("CI") else "fast",
                        help="fast (the default), deep, all, or ci (the default where CI is set)")
    parser.add_argument("--seed", type=by(parse_seed), help="which share; it goes on by itself every three hours")
    parser.add_argument("--share", type=by(parse_parts), metavar="1/N", help="one N-th of each deep kind")
    parser.add_argument("--kind", type=by(a_kind), action="append", help="this kind alone; may be repeated")
    parser.add_argument("--only", type=by(a_regex), metavar="REGEX", help="only tests whose names match")
    parser.add_argument("--flakes", nargs=2, metavar=("N", "REGEX"), help="runs the matching tests N times")
    parser.add_argument("--list", action="store_true", help="lists the kinds of test")
    options = parser.parse_args(arguments)
    if options.flakes:
        try:
            options.flakes = a_count(options.flakes[0]), a_regex(options.flakes[1])
        except ValueError as error:
            parser.error(str(error))
    parts = options.share or (8 if options.ring == "ci" else 1)
    options.share = Share(seed_of_now() if options.seed is None else options.seed, parts)
    return options
