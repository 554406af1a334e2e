"""The grammar of filters: ``max_drawdown < 0.05 and (trade_count >= 10 or window_size = 5)``.

::

    either     = both {"or" both}
    both       = simple {"and" simple}
    simple     = "not" simple | "(" either ")" | operand compare operand
               | name ["not"] "in" "(" literal {"," literal} ")"
    operand    = name | literal
    literal    = number | text in single or double quotes
    compare    = "<" | "<=" | ">" | ">=" | "=" | "==" | "!="

The words ``and``, ``or``, ``not``, ``in`` may be written large. Nothing is evaluated as code. A
``not`` is carried inward while a text is read, so what comes out holds none: the opposite of
``a < 1`` is ``a >= 1``, of a strategy without the figure neither is true.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from search_spaces.errors import ConfigError

__all__ = [
    "Among",
    "Comparison",
    "Condition",
    "Contains",
    "Junction",
    "Name",
    "parse_filter",
    "refusal",
]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<word>[A-Za-z_][A-Za-z0-9_.-]*)
    | (?P<text>'[^']*'|"[^"]*")
    | (?P<sign><=|>=|==|!=|<|>|=|\(|\)|,)
    )""",
    re.VERBOSE | re.ASCII,
)
_KEYWORDS = ("and", "or", "not", "in")
_OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "=": "!=", "!=": "="}
_DEEPEST = 100


@dataclass(frozen=True)
class Name:
    """The name of a figure or a parameter, and where it stands in the text."""

    name: str
    at: int


@dataclass(frozen=True)
class Comparison:
    """Two operands, at least one of them a name, and ``< <= > >= = !=`` between them."""

    left: Name | float | str
    sign: str
    right: Name | float | str
    at: int

    def opposite(self) -> "Comparison":
        """Return what holds where this does not."""
        return replace(self, sign=_OPPOSITE[self.sign])


@dataclass(frozen=True)
class Among:
    """A name that has one of some values, or none of them."""

    name: Name
    values: tuple[float | str, ...]
    negated: bool = False

    def opposite(self) -> "Among":
        """Return what holds where this does not."""
        return replace(self, negated=not self.negated)


@dataclass(frozen=True)
class Contains:
    """A subset that contains a code, or does not."""

    parameter: str
    code: str
    negated: bool = False

    def opposite(self) -> "Contains":
        """Return what holds where this does not."""
        return replace(self, negated=not self.negated)


@dataclass(frozen=True)
class Junction:
    """Conditions of which all hold, or at least one."""

    parts: tuple["Condition", ...]
    every: bool

    def opposite(self) -> "Junction":
        """Return what holds where this does not."""
        return Junction(tuple(part.opposite() for part in self.parts), not self.every)


Condition = Comparison | Among | Contains | Junction


def parse_filter(text: str) -> Condition:
    """Read a filter.

    Parameters
    ----------
    text : str

    Returns
    -------
    Comparison, Among or Junction

    Raises
    ------
    ConfigError
        If the text is no filter, naming what is expected and at which character.
    """
    return _Parser(text).whole()


def refusal(text: str, at: int, message: str) -> ConfigError:
    """Return the error of a filter, pointing at a character of it."""
    rest = text[at:].strip()
    shown = f"before {rest[:40]!r}" if rest else "at its end"
    return ConfigError(f"cannot read the filter {text!r}: character {at + 1}, {shown}: {message}")


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


class _Parser:
    """One function for each line of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._place = 0
        self._depth = 0

    def whole(self) -> Condition:
        found = self._either()
        if self._next.kind != "end":
            self._refuse("`and` or `or` is expected")
        return found

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Junction(tuple(parts), every=False)

    def _both(self) -> Condition:
        parts = [self._simple()]
        while self._take("and"):
            parts.append(self._simple())
        return parts[0] if len(parts) == 1 else Junction(tuple(parts), every=True)

    def _simple(self) -> Condition:
        self._depth += 1
        if self._depth > _DEEPEST:
            self._refuse(f"more than {_DEEPEST} conditions within each other")
        found: Condition
        if self._take("not"):
            found = self._simple().opposite()
        elif self._take("("):
            found = self._either()
            self._expect(")")
        else:
            found = self._comparison()
        self._depth -= 1
        return found

    def _comparison(self) -> Condition:
        first = self._next
        left = self._operand()
        negated = self._take("not")
        if self._take("in"):
            if not isinstance(left, Name):
                raise refusal(self._text, first.at, "a name is expected before `in`")
            return Among(left, self._list(), negated)
        if negated:
            self._refuse("`in` is expected after a name and `not`")
        sign = self._next
        if sign.text not in ("==", *_OPPOSITE):
            self._refuse("one of < <= > >= = != in is expected")
        self._place += 1
        right = self._operand()
        if not isinstance(left, Name) and not isinstance(right, Name):
            raise refusal(self._text, first.at, "two values are compared; one side is a name")
        return Comparison(left, sign.text.replace("==", "="), right, first.at)

    def _list(self) -> tuple[float | str, ...]:
        self._expect("(")
        values = [self._literal()]
        while self._take(","):
            values.append(self._literal())
        self._expect(")")
        return tuple(values)

    def _literal(self) -> float | str:
        at = self._next.at
        value = self._operand()
        if isinstance(value, Name):
            raise refusal(
                self._text, at, f"a list holds numbers and texts in quotes, got {value.name}"
            )
        return value

    def _operand(self) -> Name | float | str:
        token = self._next
        if token.kind not in ("number", "text", "word"):
            self._refuse("a name, a number or a text in quotes is expected")
        self._place += 1
        if token.kind == "number":
            number = float(token.text)
            if not math.isfinite(number):
                self._refuse("a number has no more than 308 digits")
            return number
        return token.text[1:-1] if token.kind == "text" else Name(token.text, token.at)

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self, sign: str) -> bool:
        token = self._next
        is_next = token.kind in ("sign", "keyword") and token.text == sign
        self._place += is_next
        return is_next

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            self._refuse(f"`{sign}` is expected")

    def _refuse(self, message: str) -> NoReturn:
        raise refusal(self._text, self._next.at, message)


def _tokens(text: str) -> Sequence[_Token]:
    tokens, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            quoted = text[at] in "'\""
            raise refusal(
                text, at, "this quote is not closed" if quoted else "this has no meaning here"
            )
        kind = str(match.lastgroup)
        word, start = match[kind], match.start(kind)
        if kind == "word" and word.lower() in _KEYWORDS:
            kind, word = "keyword", word.lower()
        tokens.append(_Token(kind, word, start))
        at = match.end()
    return [*tokens, _Token("end", "", len(text))]
