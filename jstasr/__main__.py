"""`python -m jstasr` is the `jstasr` command."""

import sys

from jstasr.cli import main

sys.exit(main())
