"""The command line: one small module a command, loaded only when it is asked for.

Answers go to standard output, talk and errors to standard error. What a command needs to think about belongs into the
package it asks; here are only words, options and exit codes.
"""

import sys


def main() -> None:
    """The entry of the program ``vigilar``."""
    from vigilar.cli.program import run  # here, so that importing one command does not load the others' parser

    sys.exit(run(sys.argv[1:]))
