"""What the console asks: one of several, a line of text, a number, yes or no.

A digit chooses at once, arrow keys and Enter choose too; Esc, Ctrl-C and the end of the input go
back.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from studies.console.screen import Screen, Text
from studies.language import message

__all__ = ["BackError", "Item", "ask_file", "ask_number", "ask_text", "choose", "confirm", "wait"]

_T = TypeVar("_T")
_HINT = message("(digit, or arrow keys and Enter; Esc: back)")
_ESCAPE_SECONDS = 0.05
"""How long a terminal may take to send the rest of an arrow key, which begins like Esc."""


class BackError(Exception):
    """The user goes back."""


@dataclass(frozen=True)
class Item(Generic[_T]):
    """One of several that can be chosen."""

    text: Text
    value: _T


def choose(
    screen: Screen,
    question: Text,
    items: Sequence[Item[_T]],
    *,
    back: Text | None = None,
    hint: Text = _HINT,
) -> _T:
    """Ask for one of several.

    Parameters
    ----------
    screen : Screen
    question : Text
    items : sequence of Item
        The first nine have the digits 1 to 9.
    back : Text, optional
        What 0 is called, which goes back.
    hint : Text
        Stands behind the question.

    Returns
    -------
    object
        The value of the chosen item.

    Raises
    ------
    BackError
    """
    import questionary

    keys = [str(number) if number < 10 else "" for number in range(1, len(items) + 1)]
    lines = [(key, screen.text(item.text)) for key, item in zip(keys, items, strict=True)]
    lines.append(("0", screen.text(back or message("Back"))))
    choices = [
        questionary.Choice(f"{key or ' '}. {text}" if key else f"   {text}", value=position)
        for position, (key, text) in enumerate(lines)
    ]
    asked = questionary.select(
        screen.text(question),
        choices,
        qmark="",
        pointer="❯",
        instruction=screen.text(hint) or " ",
        use_jk_keys=False,
        erase_when_done=True,
    )
    bindings: Any = asked.application.key_bindings
    for position, (key, _) in enumerate(lines):
        if key:
            bindings.add(key, eager=True)(_leaves_with(position))
    bindings.add("escape", eager=True)(_goes_back)
    position = _answer(asked)
    if position == len(items):
        raise BackError
    return items[position].value


def ask_text(
    screen: Screen,
    question: Text,
    default: str = "",
    check: Callable[[str], Text | None] = lambda text: None,
) -> str:
    """Ask for a line of text.

    Parameters
    ----------
    screen : Screen
    question : Text
    default : str
        Stands there to be changed.
    check : callable
        Returns what is wrong with a text, or None.

    Raises
    ------
    BackError
    """
    import questionary
    from prompt_toolkit.key_binding import KeyBindings

    def validate(text: str) -> bool | str:
        wrong = check(text.strip())
        return True if wrong is None else screen.text(wrong)

    bindings = KeyBindings()
    bindings.add("escape", eager=True)(_goes_back)
    answer: str = _answer(
        questionary.text(
            screen.text(question), default, validate=validate, qmark="", key_bindings=bindings
        )
    )
    return answer.strip()


def ask_number(
    screen: Screen, question: Text, default: int, *, least: int = 1, most: int | None = None
) -> int:
    """Ask for a whole number; thousands may be separated by commas.

    Raises
    ------
    BackError
    """

    def check(text: str) -> Text | None:
        digits = text.replace(",", "")
        if not (digits.isascii() and digits.isdigit()) or int(digits) < least:
            return message("a whole number from {least:,}", least=least)
        if most is not None and int(digits) > most:
            return message("{most:,} at most", most=most)
        return None

    return int(ask_text(screen, question, f"{default}", check).replace(",", ""))


def confirm(screen: Screen, question: Text, *, default: bool = True) -> bool:
    """Ask yes or no; going back is no."""
    yes = Item[bool](message("Yes"), True)
    try:
        if default:
            return choose(screen, question, [yes], back=message("No"), hint="")
        no = Item[bool](message("No"), False)
        return choose(screen, question, [no, yes], hint="")
    except BackError:
        return False


def ask_file(screen: Screen, default: str) -> str:
    """Ask for the name of a file to be written, and before one that is there is replaced.

    Raises
    ------
    BackError
        Also if it is not to be replaced.
    """
    name = ask_text(
        screen,
        message("File"),
        default,
        lambda text: None if text else message("a file name, please"),
    )
    question = message("{file} is there already. Replace it?", file=name)
    if Path(name).exists() and not confirm(screen, question, default=False):
        raise BackError
    return name


def wait(screen: Screen) -> None:
    """Let the user read what was printed."""
    with contextlib.suppress(BackError):
        ask_text(screen, message("Enter goes on"))


def _leaves_with(position: int) -> Callable[[Any], None]:
    return lambda event: event.app.exit(result=position)


def _goes_back(event: Any) -> None:
    event.app.exit(exception=BackError())


def _answer(asked: Any) -> Any:
    asked.application.ttimeoutlen = _ESCAPE_SECONDS
    try:
        return asked.unsafe_ask()
    except (KeyboardInterrupt, EOFError):
        raise BackError from None
