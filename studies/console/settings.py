"""Menu 5: the configuration, the language, the state of this machine."""

from collections.abc import Callable
from typing import Any

from studies.config import load_config
from studies.console.menu import Action, run_menu
from studies.console.project import Project
from studies.console.prompts import Item, ask_text, choose
from studies.console.screen import Screen
from studies.console.settings_file import SECTIONS, save_setting, setting_comments, settings_of
from studies.language import LANGUAGES, TRADITIONAL_CHINESE, Message, message
from studies.upkeep import examine

__all__ = ["Settings"]

_NAMES = {
    "market": message("Market"),
    "backtest": message("Backtest"),
    "execution": message("Execution"),
    "study": message("Optuna studies"),
    "verify": message("Verdict"),
    "retention": message("What is kept"),
    "logging": message("Log files"),
}
_LEVELS = {"ok": "green", "warning": "yellow", "problem": "red"}


class Settings:
    """Shows and changes settings."""

    def __init__(self, screen: Screen, project: Project, header: Callable[[], None]) -> None:
        self.screen = screen
        self.project = project
        self.header = header

    def menu(self) -> None:
        """Show the menu until the user goes back."""
        run_menu(
            self.screen,
            message("System settings"),
            [
                Action(message("👁 Show the settings in force"), self.show),
                Action(message("✏ Change a setting"), self.change),
                Action(message("🗣 Language: 中文 / English"), self.switch, waits=False),
                Action(message("🩺 Examine this machine and the database"), self.examine),
            ],
            header=self.header,
        )

    def show(self) -> None:
        """Print every setting that can be changed here."""
        config = self.project.config.without_passwords()
        self.screen.pairs([(message("file"), self._file()), *_rows(settings_of(config))])

    def change(self) -> None:
        """Ask for a setting and its value, check and save it."""
        screen, project = self.screen, self.project
        section = choose(
            screen,
            message("Which part?"),
            [Item(message("Database"), ""), *(Item(_NAMES[name], name) for name in SECTIONS)],
        )
        values = settings_of(load_config(project.config_file))
        name = "database"
        if section:
            names = [each for each in values if each.startswith(f"{section}.")]
            name = choose(
                screen,
                message("Which setting?"),
                [
                    Item(f"{each.partition('.')[2]}: {_as_yaml(values[each])}", each)
                    for each in names
                ],
            )
        comment = setting_comments().get(name)
        if comment is not None:
            screen.say(Message(comment), "dim")
        text = ask_text(screen, name, _as_yaml(values[name]))
        config = save_setting(project.settings_file, name, text)
        now = settings_of(config)[name]
        screen.say(
            message(
                "{name} is {value} now, in {file}",
                name=name,
                value=_as_yaml(now),
                file=str(project.settings_file),
            ),
            "green",
        )
        if name == "database" and project.database is not None:
            screen.warn(message("this console goes on with the database of --database"))

    def switch(self) -> None:
        """Take the other language."""
        other = LANGUAGES[0] if self.screen.language == TRADITIONAL_CHINESE else TRADITIONAL_CHINESE
        self.screen.language = other

    def examine(self) -> None:
        """Check packages, machine, configuration, database, cache, kernels."""
        with self.screen.working(message("examining")):
            findings = examine(
                lambda: self.project.config, database=self.project.database, quick=True
            )
        for each in findings:
            text = self.screen.sentence(each.message)
            self.screen.say(f"  {each.check:13} {text}", _LEVELS[each.level])
            if each.way_out is not None:
                self.screen.say(f"  {'':13} {self.screen.sentence(each.way_out)}", "dim")

    def _file(self) -> Message | str:
        file = self.project.settings_file
        if file.exists():
            return str(file)
        return message("{file}, which is not there: all settings are the defaults", file=str(file))


def _rows(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, _as_yaml(value)) for name, value in values.items()]


def _setting_line(name: str, value: Any) -> str:
    return f"{name.partition('.')[2]}: {_as_yaml(value)}"


def _as_yaml(value: Any) -> str:
    from search_spaces.strict_yaml import dump_yaml

    return dump_yaml(value).removesuffix("...\n").strip()
