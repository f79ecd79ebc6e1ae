"""Runs the command ``chatcore``, also as ``python -m chatcore_service``."""

import sys

from chatcore_service.early_signals import end_at_once_on_signals


def main() -> int:
    """Runs a command and returns its exit status."""
    if sys.argv[1:2] == ["serve"]:
        # The imports below take longest, and a Ctrl-C may fall into them.
        end_at_once_on_signals()
    from chatcore_service import cli  # noqa: PLC0415 - see above

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
