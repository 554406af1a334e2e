"""What ``generate`` and ``estimate`` have in common: the options that describe a session."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from studies.cli.context import Context
    from studies.runs import SessionRequest

__all__ = ["plan_options", "read_plan"]

PLANNED = ("exhaustive", "sampling")
ADAPTIVE = ("tpe", "genetic", "nsga2", "nsga3", "gp", "cmaes", "random", "qmc")
"""The names of `studies.methods.METHODS`, which the help must not wait for."""
DESIGNS = ("latin_hypercube", "grid", "sobol", "halton")
"""Samples drawn beforehand that are modes by their own name; `random` is one with `--method`."""
METHODS = ("random", *DESIGNS)
MODES = (*PLANNED, *ADAPTIVE, *DESIGNS, "adaptive")
_F = TypeVar("_F", bound=Callable[..., Any])


class _Mode(click.ParamType[str]):
    """A planned mode, an adaptive method, or the import path of a sampler."""

    name = "mode"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value in MODES or ":" in value:
            return value
        raise click.ClickException(
            f"--mode {value!r} is unknown; choose {', '.join(MODES[:-1])}, or "
            "package.module:ClassName, an Optuna sampler of your own"
        )


def plan_options(function: _F) -> _F:
    """Add the options of a plan; the command hands them to :func:`read_plan`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def read_plan(
    context: Context,
    mode: str,
    method: str | None,
    size: int | None,
    seed: int,
    restrictions: tuple[str, ...],
    settings: tuple[str, ...],
    trials: str | None,
    **dates: str | None,
) -> SessionRequest:
    """Make a request of the options, with their values checked as far as that goes without data.

    Raises
    ------
    click.UsageError
        If options do not go together or are malformed.
    """
    mode, method = _chosen(mode, method)
    adaptive = mode not in PLANNED
    if mode != "sampling" and method is not None:
        raise click.ClickException(
            f"--mode {mode} takes no --method, got {method}; use --mode sampling for designs"
        )
    if mode != "exhaustive" and size is None:
        raise click.ClickException(
            f"--mode {mode} needs --size, the number of strategies to "
            f"{'try' if adaptive else 'draw'}; add --size N"
        )
    if adaptive and mode != "genetic" and trials == "digest":
        raise click.ClickException(
            f"--trials digest does not go with --mode {mode}, which learns from all trials; leave "
            "it out"
        )
    backtest = {name: _scalar(value) for name, value in _assignments("--backtest", settings)}
    for name, value in dates.items():
        if value is not None:
            if name in backtest:
                raise click.UsageError(
                    f"{name} is given twice, by --{name.replace('_', '-')} and by --backtest"
                )
            backtest[name] = value
    config = context.config
    config = config.model_copy(update={"backtest": {**config.backtest, **backtest}})
    if trials is not None:
        study = config.study.model_copy(update={"trials": trials})
        config = config.model_copy(update={"study": study})
    from studies.planning import check_request
    from studies.runs import SessionRequest

    planned_or_not = "adaptive" if adaptive else "planned"
    chosen = method or METHODS[0] if mode == "sampling" else mode
    check_request(planned_or_not, chosen, size, seed)
    return SessionRequest(
        config=config,
        mode=planned_or_not,
        method=chosen,
        size=size,
        seed=seed,
        restrictions={
            name: [part.strip() for part in values.split(",") if part.strip()]
            for name, values in _assignments("--set", restrictions)
        },
    )


def _chosen(mode: str, method: str | None) -> tuple[str, str | None]:
    """Return mode and method of a name that says both, or of both given apart."""
    if mode in DESIGNS and method in (None, mode):
        return "sampling", mode
    if mode == "adaptive":
        if method not in ADAPTIVE:
            raise click.ClickException(
                f"--mode adaptive needs --method, one of {', '.join(ADAPTIVE)}; or give that as "
                "--mode"
            )
        return method, None
    if mode in ADAPTIVE and method == mode:
        return mode, None
    if mode == "sampling" and method not in (None, *METHODS):
        raise click.ClickException(
            f"--mode sampling draws by one of {', '.join(METHODS)}, got {method}; a sampler is a "
            f"mode: --mode {method}"
        )
    return mode, method


def _assignments(option: str, texts: tuple[str, ...]) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        name = name.strip()
        if not (sign and name and value.strip()):
            example = "weight_method=EQ,FS" if option == "--set" else "fee_rate=0.0005"
            raise click.UsageError(f"{option} is NAME=VALUE, like {example}; got {text!r}")
        if name in found:
            raise click.UsageError(f"{option} names {name!r} twice; give all its values at once")
        found[name] = value.strip()
    return list(found.items())


def _scalar(text: str) -> Any:
    if text.lower() in ("null", "none"):
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


_OPTIONS = [
    click.option(
        "--mode",
        type=_Mode(),
        default="exhaustive",
        show_default=True,
        metavar="MODE",
        help="exhaustive: the whole space (or its first --size in an evenly spread order); "
        "sampling: a sample, drawn beforehand, or by the name of its method (sobol, "
        "halton, grid, latin_hypercube); genetic: bred a generation at a time; tpe, nsga2, "
        "nsga3, gp, cmaes, random, qmc: an Optuna sampler chooses as it learns, or one of your "
        "own, package.module:ClassName.",
    ),
    click.option(
        "--method",
        type=click.Choice([*METHODS, *(name for name in ADAPTIVE if name != "random")]),
        help="How --mode sampling draws.  [default: random]  With --mode adaptive the sampler.",
    ),
    click.option(
        "--size",
        type=click.IntRange(min=1),
        metavar="N",
        help="Number of strategies; a sampler may propose one twice, which counts.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        metavar="S",
        help="Seed of the sample or the sampler; for exhaustive the block to begin with.",
    ),
    click.option(
        "--set",
        "restrictions",
        multiple=True,
        metavar="NAME=V1,V2",
        help="Limit a parameter to these values, e.g. factors=SR,SR_DD; repeatable.",
    ),
    click.option(
        "--start-date", metavar="DATE", help="First day of the backtest, like 2025-01-31."
    ),
    click.option("--end-date", metavar="DATE", help="Last day of the backtest."),
    click.option(
        "--split-date",
        metavar="DATE",
        help="First out-of-sample day, of which the search sees nothing; or none; or auto, the "
        "last 30 % of the days if at least 181 are before them.  [default: as configured, auto]",
    ),
    click.option(
        "--backtest",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        help="Any other backtest setting, e.g. fee_rate=0.0005; repeatable.",
    ),
    click.option(
        "--trials",
        type=click.Choice(["digest", "full"]),
        help="What of a session above 2,000 strategies its Optuna studies hold: an even sample "
        "and the best, or (full) all.  [default: as configured, digest]",
    ),
]
