"""A session named as an argument, by its option, or not at all."""

import pytest

COMMANDS = [("stats",), ("plot", "lift"), ("top",), ("status",), ("export",), ("execute",)]


@pytest.fixture
def session_id(cli, project):
    return cli("sessions", "--json").json[0]["session_id"]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_session_is_an_argument_or_an_option(cli, project, session_id, words):
    output = ("-o", "out.csv") if words == ("export",) else ()
    by_argument = cli(*words, session_id, *output, "--json")
    by_option = cli(*words, "--session", session_id, *output, "--json")
    assert (by_argument.code, by_option.code) == (0, 0)
    assert session_id in by_argument.out + by_argument.err
    told = cli(*words, session_id, "--session", "session_20200101_000000_0000")
    assert told.code == 2
    assert "leave one out" in told.error
    unknown = cli(*words, "session_20200101_000000_0000")
    assert unknown.code == 2
    assert "session_20200101_000000_0000" in unknown.error
