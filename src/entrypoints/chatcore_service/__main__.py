"""``python -m chatcore_service`` is the command ``chatcore``."""

import sys

from chatcore_service.cli import main

if __name__ == "__main__":
    sys.exit(main())
