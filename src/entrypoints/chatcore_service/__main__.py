"""Makes ``python -m chatcore_service`` the same command as ``chatcore``."""

import sys

from chatcore_service.cli import main

if __name__ == "__main__":
    sys.exit(main())
