"""The menu that docs/console.md shows is the one there is."""

from pathlib import Path

from studies.language import TRADITIONAL_CHINESE, translate

PAGE = (Path(__file__).parents[2] / "docs" / "console.md").read_text(encoding="utf-8")
MENU = [
    "🎲 Strategy generator - make combinations of parameters",
    "⚡ Execution engine - run backtests in bulk",
    "📊 Monitoring - see how far it is",
    "🗂 Data management - market and sessions",
    "⚙ System settings - configuration and environment",
]


def test_the_menu_of_the_page():
    shown = [translate(text, TRADITIONAL_CHINESE) for text in MENU]
    lines = [f"{number}. {text}" for number, text in enumerate(shown, start=1)]
    lines.append(f"0. {translate('🚪 Leave', TRADITIONAL_CHINESE)}")
    assert all(line in PAGE for line in lines)
    assert translate("🎯 Mass hyper-parameter tuning", TRADITIONAL_CHINESE) in PAGE
