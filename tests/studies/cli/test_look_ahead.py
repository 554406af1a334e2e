"""The printed report on look-ahead."""

import datetime as dt
import inspect
import math

import pytest

from objectives.validation import Finding, LookAhead
from studies.cli.look_ahead import print_look_ahead

DAYS = (dt.date(2024, 5, 1), dt.date(2024, 7, 1), dt.date(2024, 9, 1))
FOUND = (
    Finding("undated market caps", "SR_W5_1D_D3_S3_IC", None, 0.125),
    Finding("factor", "TR", DAYS[0], 0.0123456, "returns"),
    Finding("ranking", "TR_W5_1D_D3_S3_EQ", DAYS[0], math.inf, "returns, listings"),
)


def printed(capsys, **changes):
    values = {"findings": (), "days": DAYS, "n_compared": 12_345, "unseen": ()}
    print_look_ahead(LookAhead(**{**values, **changes}))
    return capsys.readouterr()


def test_nothing_found(capsys):
    out = printed(capsys).out
    assert "no look-ahead found: 12,345 decisions are the same" in out
    assert "after each of 3 days, 2024-05-01 to 2024-09-01" in out
    assert "happens after 2024-05-01\n" in printed(capsys, days=DAYS[:1]).out


def test_findings_are_named_with_their_first_day_size_and_cause(capsys):
    lines = printed(capsys, findings=FOUND).out.splitlines()
    assert lines[0] == "looks ahead"
    assert max(map(len, lines)) <= 100
    caps, factor, ranking = lines[3:6]
    assert caps.split() == [
        "undated", "market", "caps", FOUND[0].what, "every", "day", "0.125",
    ]  # fmt: skip
    assert factor.split() == ["factor", "TR", "2024-05-01", "0.0123", "returns"]
    assert ranking.split() == [
        "ranking", FOUND[2].what, "2024-05-01", "other", "returns,", "listings",
    ]  # fmt: skip
    for finding, line in zip(FOUND, lines[-3:], strict=True):
        assert line.startswith(f"{finding.kind}: ")


@pytest.mark.parametrize("n_compared", [0, 5])
def test_what_could_not_be_seen(capsys, n_compared):
    streams = printed(capsys, n_compared=n_compared, unseen=("a sentence",))
    assert streams.err == "a sentence\n"
    assert ("nothing could be compared" in streams.out) is (n_compared == 0)


def test_every_kind_of_finding_has_its_advice(capsys):
    text = inspect.getdoc(Finding)
    kinds = [
        "factor", "ranking", "exposure", "net return", "same day", "figures",
        "undated market caps", "period",
    ]  # fmt: skip
    for kind in kinds:
        assert f"``{kind}``" in text.replace("\n", " ").replace("    ", "")
        assert f"{kind}: " in printed(capsys, findings=(Finding(kind, "x", None, 1.0),)).out
