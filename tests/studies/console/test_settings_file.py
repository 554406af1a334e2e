"""A setting is changed with everything else kept, or not at all."""

import pytest

from search_spaces.errors import ConfigError
from search_spaces.strict_yaml import parse_yaml
from studies.config import default_config_text, load_config
from studies.console.settings_file import SECTIONS, save_setting, setting_comments, settings_of

TEXT = """\
# what we search
database: sqlite:///ours.db # on the fast disk

execution:
  parallel: 4 # one for each core
  memory_limit: "2GiB"

backtest: # all of it
  fee_rate: 1e-3   # per side
  start_date: null
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize(
    ("name", "value", "before", "after"),
    [
        ("execution.parallel", "2", "parallel: 4 #", "parallel: 2 #"),
        ("execution.parallel", "auto", "parallel: 4 #", "parallel: auto #"),
        ("database", "sqlite:///more.db", "sqlite:///ours.db #", "sqlite:///more.db #"),
        ("backtest.start_date", "2025-01-31", "start_date: null", "start_date: 2025-01-31"),
        ("execution.memory_limit", '"0"', 'memory_limit: "2GiB"', 'memory_limit: "0"'),
    ],
)
def test_only_the_value_changes(file, name, value, before, after):
    save_setting(file, name, value)
    assert file.read_text() == TEXT.replace(before, after)


@pytest.mark.parametrize(
    ("name", "value"),
    [("verify.seed", "7"), ("study.figures", "false"), ("backtest.end_date", "2025-12-31")],
)
def test_a_setting_that_was_not_there_is_added(file, name, value):
    config = save_setting(file, name, value)
    assert str(settings_of(config)[name]).lower() == value
    assert set(TEXT.splitlines()) <= set(file.read_text().splitlines())


def test_an_empty_section_is_filled(file):
    file.write_text(TEXT + "verify:\n")
    assert save_setting(file, "verify.seed", "7").verify.seed == 7


def test_null_is_written_as_null(file):
    save_setting(file, "execution.cache", "null")
    assert "  cache: null\n" in file.read_text()
    assert load_config(file).execution.cache is None


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("execution.parallel", "0", "a number of processes from 1 to 1,000, or auto, got 0"),
        ("execution.parallel", "yes", "truth value|number of processes"),
        ("execution.parallel", "[1", "execution.parallel: this is not YAML"),
        ("execution.unknown", "1", "unknown setting 'execution.unknown'"),
        ("backtest.fee_rate", "2", "fee_rate"),
        ("backtest.start_date", "2025-02-30", "start_date|cannot be read"),
        ("database", "nothing://at/all", "nothing"),
        ("logging.level", "LOUD", "logging.level"),
        ("market.database", "postgresql://me:secret@host/db", "must not hold a password"),
    ],
)
def test_what_is_impossible_leaves_the_file_as_it_was(file, name, value, said):
    with pytest.raises(Exception, match=said) as raised:
        save_setting(file, name, value)
    assert "secret" not in str(raised.value)
    assert file.read_text() == TEXT
    assert [each.name for each in file.parent.iterdir()] == ["config.yaml"]


def test_a_file_that_is_not_there_begins_as_the_defaults(tmp_path):
    path = tmp_path / "mass_tuning_config.yaml"
    config = save_setting(path, "execution.parallel", "3")
    assert config.execution.parallel == 3
    before, after = default_config_text().splitlines(), path.read_text().splitlines()
    changed = [line for line in after if line not in before]
    assert changed == [
        line.replace("parallel: 1", "parallel: 3") for line in before if "  parallel: 1" in line
    ]


def test_a_link_stays_one_and_the_mode_is_kept(file, tmp_path):
    file.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    save_setting(link, "execution.parallel", "2")
    assert link.is_symlink()
    assert load_config(file).execution.parallel == 2
    assert file.stat().st_mode & 0o777 == 0o640


def test_what_would_change_more_than_the_value_is_refused(file):
    text = "execution: &all {parallel: 2}\nx: 1\n"
    file.write_text(text)
    with pytest.raises(ConfigError):
        save_setting(file, "execution.parallel", "3")
    assert file.read_text() == text


def test_every_setting_that_is_offered_is_of_the_defaults():
    defaults = parse_yaml(default_config_text())
    offered = settings_of(load_config())
    assert set(offered) == {"database"} | {
        f"{section}.{name}" for section in SECTIONS for name in defaults[section]
    }


def test_comments_are_those_of_the_settings():
    comments = setting_comments()
    assert comments["execution.save_top"].startswith("best results whose trades")
    assert comments["backtest.split_date"].startswith("first out-of-sample day")
    assert set(comments) <= set(settings_of(load_config()))
    assert len(comments) > 40
