"""How often the verdict on luck is wrong, in worlds whose truth is known (`benchmark.py trust`).

A world is an invented market. The best of 5,376 strategies on it is judged as `mass-tuning verify`
would; where skill was put into the world, new draws of the same world say what the strategy truly
earns.
"""

from trust.command import add_options, trust

__all__ = ["add_options", "trust"]
