"""``python -m studies`` is ``mass-tuning``."""

from studies.cli import main

if __name__ == "__main__":
    main()
