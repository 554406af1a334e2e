#!/usr/bin/env python3
"""The command lines of the PRD, such as ``mass_tuning_system.py generate --mode exhaustive``.

The same program as ``mass-tuning``; it also works from a checkout that is not installed.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from studies.cli import main

if __name__ == "__main__":
    main()
