"""Sections of the configuration about the market, and what a strategy is worth."""

from typing import TYPE_CHECKING, Any, Literal, Self

import pydantic
from pydantic import Field

from objectives.url_passwords import holds_password
from search_spaces.checks import shown
from search_spaces.import_class import IMPORT_PATH
from studies.methods.checked_model import CheckedModel

if TYPE_CHECKING:
    from objectives.market.events import EventRules

__all__ = ["MarketConfig", "ObjectiveConfig"]

OBJECTIVE_KINDS = ("factor_backtest", "external")
Direction = Literal["maximize", "minimize"]
_METRICS: dict[str, Direction] = {"net_sharpe_ratio": "maximize"}


class MarketConfig(CheckedModel):
    """Where the returns come from.

    Attributes
    ----------
    database : str or None
        SQLAlchemy URL of the database with ``return_metrics`` and ``market_caps``; None: the
        project's own database.
    pairs : tuple of str or None
        Use only these trading pairs.
    both_directions : bool or None
        Make also the pair ``SYMBOL_B_A`` of funding events, with the opposite return. None: as the
        returns of the database were made; at first no.
    incomplete_days : {"drop", "keep"} or None
        Whether a day on which a side lacks a settlement gives no return, or the sum of the others.
        None: as the returns of the database were made; at first no return.
    timezone : str
        Zone of times in files that do not say theirs.
    aliases : dict of str
        Other names of symbols and exchanges in files, ``NAME`` or ``exchange:NAME``.
    """

    database: str | None = None
    pairs: tuple[str, ...] | None = None
    both_directions: bool | None = None
    incomplete_days: Literal["drop", "keep"] | None = None
    timezone: str = "UTC"
    aliases: dict[str, str] = Field(default_factory=dict)

    @property
    def event_rules(self) -> "EventRules":
        """How returns are made of funding events."""
        from objectives.market.events import EventRules

        return EventRules(
            both_directions=self.both_directions, incomplete_days=self.incomplete_days
        )

    @pydantic.field_validator("database")
    @classmethod
    def _no_password(cls, url: str | None) -> str | None:
        # sessions keep a snapshot of their configuration in the database
        if url is not None and holds_password(url):
            raise ValueError(
                "the URL must not hold a password: sessions record it; use a password file "
                "(~/.pgpass or PGPASSFILE)"
            )
        return url

    @pydantic.field_validator("pairs")
    @classmethod
    def _has_pairs(cls, pairs: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if pairs is not None and not pairs:
            raise ValueError("name a pair, or leave the key out for all")
        return pairs

    @pydantic.field_validator("timezone")
    @classmethod
    def _is_zone(cls, name: str) -> str:
        if name != "UTC":
            from objectives.market.instants import check_timezone

            check_timezone(name)
        return name


class ObjectiveConfig(CheckedModel):
    """What a search optimises.

    Attributes
    ----------
    type : str
        ``factor_backtest``, ``external`` for a program of the user's own, or
        ``package.module:ClassName`` of a subclass of `objectives.Objective`, importable or in the
        current folder.
    metrics : dict of str to {"maximize", "minimize"}
        Optimised metrics, in order.
    options : dict
        Keyword arguments of an objective of one's own.
    """

    type: str = "factor_backtest"
    metrics: dict[str, Direction] = Field(default_factory=_METRICS.copy)
    options: dict[str, Any] = Field(default_factory=dict)

    @pydantic.field_validator("type")
    @classmethod
    def _is_kind(cls, kind: str) -> str:
        if kind not in OBJECTIVE_KINDS and not IMPORT_PATH.fullmatch(kind):
            raise ValueError(
                f"expected {' or '.join(OBJECTIVE_KINDS)}, or package.module:ClassName of an "
                f"objective of your own, got {shown(kind)}"
            )
        return kind

    @pydantic.model_validator(mode="after")
    def _takes_options(self) -> Self:
        if self.options and self.type == OBJECTIVE_KINDS[0]:
            raise ValueError(
                "options are of an objective of your own; the settings of factor_backtest are "
                "under backtest"
            )
        return self
