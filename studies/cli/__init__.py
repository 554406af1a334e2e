"""The command ``mass-tuning``: parse, call the library, print.

Modules of this package import nothing but click and the standard library when they are loaded;
what a command needs it imports when it runs, so that help is there at once.
"""

from studies.cli.app import main

__all__ = ["main"]
