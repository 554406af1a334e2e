"""The command line in Traditional Chinese: help, results, errors, tables."""

import json

import click
import pytest
from rich.cells import cell_len

from studies.cli.app import app
from studies.cli.help_text import wrapped
from studies.cli.language import language_of


@pytest.fixture
def chinese(cli):
    return lambda *args: cli("--lang", "zh-Hant", *args)


@pytest.mark.parametrize(
    ("args", "locale", "language"),
    [
        ([], "zh_TW.UTF-8", "zh-Hant"),
        ([], "de_DE.UTF-8", "en"),
        (["--lang", "en", "top"], "zh_TW.UTF-8", "en"),
        (["top", "--lang=zh-Hant"], "C", "zh-Hant"),
        (["top", "--lang"], "C", "en"),
        (["top", "--lang", "fr"], "C", "en"),
    ],
)
def test_which_language(monkeypatch, args, locale, language):
    monkeypatch.setenv("LC_ALL", locale)
    assert language_of(args) == language


def commands(group=app, *names):
    for name, command in group.commands.items():
        yield (*names, name)
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)


@pytest.mark.parametrize("name", list(commands()), ids=" ".join)
@pytest.mark.parametrize("columns", ["60", "80", "120"])
def test_help_is_chinese_and_fits(chinese, monkeypatch, name, columns):
    monkeypatch.setenv("COLUMNS", columns)
    told = chinese(*name, "--help")
    assert told.code == 0
    assert told.out.startswith("用法：")
    body = told.out.split("範例：")[0]
    assert "選項：" in body
    assert "Options" not in told.out
    assert "default:" not in body
    for line in body.splitlines():
        if cell_len(line) > int(columns):  # a name of many choices alone is longer
            assert "|" in line, line


def test_the_help_of_the_program(chinese):
    told = chinese("--help")
    assert "指令：" in told.out
    assert "# 初次體驗；無需任何準備" in told.out
    lines = told.out.split("指令：")[1].split("範例：")[0].split("\n")
    listed = [line for line in lines if line.strip()]
    assert len(listed) >= len(app.commands)
    assert all(any("一" <= letter <= "鿿" for letter in line) for line in listed)


def test_lines_break_where_chinese_may():
    lines = wrapped("策略數，可重複：--set 參數值。結束，再一次。", 12)
    assert all(cell_len(line) <= 14 for line in lines)
    assert all(line[0] not in "，。：" for line in lines)
    assert "".join(lines).replace(" ", "") == "策略數，可重複：--set參數值。結束，再一次。"


def test_results_and_tables(chinese, project):
    listed = chinese("sessions").out.splitlines()
    assert listed[0].split()[:3] == ["搜尋", "狀態", "已完成"]
    assert "已完成" in listed[1]
    assert cell_len(listed[0].split("狀態")[0]) == cell_len(listed[1].split("已完成")[0])
    top = chinese("top", "-n", "3").out
    assert "已完成 240 / 240 個策略" in top
    assert "判定：" in top
    shown = chinese("show", "best", "--no-chart").out
    assert "期末的現金與部位" in shown
    told = chinese("status").out
    assert "待執行" in told


def test_programs_read_english(chinese, cli, project):
    for args in (("sessions",), ("top", "-n", "3"), ("status",), ("stats",)):
        assert chinese(*args, "--json").json == cli(*args, "--json").json


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("topp",), "沒有這個指令"),
        (("top", "--session", "x"), "沒有搜尋 'x'"),
        (("top", "--metric", "z"), "沒有指標 'z'"),
        (("generate", "--backtest", "fee_rate=3"), "fee_rate 為成交金額的比例"),
        (("generate", "--size", "0"), "範圍"),
        (("import", "nothere.csv"), "無法讀取"),
        (("clean",), "缺少選項 '--session'"),
    ],
)
def test_errors(chinese, project, args, said):
    told = chinese(*args)
    assert told.code == 2
    (line,) = told.err.splitlines()
    assert line.startswith("錯誤：")
    assert said in line


def test_notes_of_the_user_are_shown_as_they_are(chinese, project):
    planned = chinese("generate", "--size", "4", "--notes", "completed; failed", "--json")
    session_id = json.loads(planned.out)["session_id"]
    assert "completed; failed" in chinese("status", session_id).out
    assert "completed; failed" in chinese("sessions").out


def test_settings_are_yaml_in_every_language(chinese, cli, project):
    for args in (("config",), ("config", "--write", "-")):
        assert chinese(*args).out == cli(*args).out
