"""``config``: the settings in force."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from studies.cli.context import Command, Context, command_options
from studies.cli.output import pairs, print_json, say, say_as_it_stands, style

if TYPE_CHECKING:
    from studies.config import TuningConfig

__all__ = ["config_command"]


@click.command(
    "config",
    cls=Command,
    short_help="Print, check or write the configuration.",
    examples="""
    mass-tuning config
    mass-tuning config --check --config my_config.yaml
    mass-tuning config --write mass_tuning_config.yaml
    """,
)
@click.option("--check", is_flag=True, help="Validate it, and count its strategies.")
@click.option(
    "--write",
    "target",
    metavar="FILE",
    help="Write the defaults with comments to a new file; - is the standard output.",
)
@command_options
@click.pass_obj
def config_command(context: Context, check: bool, target: str | None) -> None:
    """Print the configuration in force, defaults included, as YAML."""
    if check and target is not None:
        raise click.UsageError("--check and --write are two things; give one of them")
    if target is not None:
        _write(context, target)
        return
    config = context.config
    if check:
        _check(context, config)
        return
    shown = config.without_passwords()
    if context.as_json:
        values = shown.model_dump(mode="json")
        values.update(config.space().to_config())
        print_json(values)
        return
    say_as_it_stands(shown.to_yaml().rstrip())


def _write(context: Context, target: str) -> None:
    from search_spaces.errors import ConfigError
    from studies.config import default_config_text

    text = default_config_text()
    if target == "-":
        if context.as_json:
            raise click.ClickException("--json does not go with --write -; leave it out")
        say_as_it_stands(text.rstrip())
        return
    try:
        from studies.analysis import is_stream

        with Path(target).open("w" if is_stream(target) else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{target} is there already and is not overwritten; name another") from (
            None
        )
    except OSError as error:
        raise ConfigError(f"{target} cannot be written ({error.strerror})") from None
    if context.as_json:
        print_json({"file": target})
    else:
        say(f"wrote {target}; it is read from the current folder, or with --config {target}")


def _check(context: Context, config: TuningConfig) -> None:
    from studies.upkeep import checked_config

    checked = checked_config(config)
    if context.as_json:
        print_json({"valid": True, **asdict(checked)})
        return
    say(f"{style('valid', fg='green')}: {checked.strategies:,} strategies")
    pairs([(name, f"{n_values:,} values") for name, n_values in checked.parameters.items()])
