"""A menu: what can be done, again and again until the user goes back."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from search_spaces.errors import MassTuningError
from studies.console.prompts import BackError, Item, choose, wait
from studies.console.screen import Screen, Text
from studies.language import message

__all__ = ["Action", "run_menu", "shown_errors"]


@dataclass(frozen=True)
class Action:
    """One line of a menu.

    Attributes
    ----------
    text : Text
    do : callable
        May raise what `shown_errors` shows.
    waits : bool
        Whether the user is to read what was printed before the menu comes back.
    """

    text: Text
    do: Callable[[], None]
    waits: bool = True


def run_menu(
    screen: Screen,
    title: Text,
    actions: Sequence[Action],
    *,
    header: Callable[[], None],
    back: Text | None = None,
) -> None:
    """Show a menu until the user goes back.

    Parameters
    ----------
    screen : Screen
    title : Text
        What is asked.
    actions : sequence of Action
    header : callable
        Prints what stands above every menu.
    back : Text, optional
        What 0 is called.
    """
    while True:
        screen.clear()
        with shown_errors(screen, then_wait=False):
            header()
        try:
            action = choose(
                screen, title, [Item(action.text, action) for action in actions], back=back
            )
        except BackError:
            return
        with contextlib.suppress(BackError), shown_errors(screen):
            action.do()
            if action.waits:
                wait(screen)


@contextlib.contextmanager
def shown_errors(screen: Screen, *, then_wait: bool = True) -> Iterator[None]:
    """Show an error as a line and go on; Ctrl-C goes back."""
    try:
        yield
        return
    except BackError:
        raise
    except KeyboardInterrupt:
        screen.say(message("stopped"), "yellow")
    except MassTuningError as error:
        screen.error(str(error))
    except OSError as error:
        name = error.filename or ""
        screen.error(f"{name}: {error.strerror}" if name else str(error))
    except Exception as error:  # the console stays; the run of a command would show its traceback
        screen.error(f"unexpected {type(error).__name__}: {error}")
    if then_wait:
        wait(screen)
