"""``report``: what each option does."""

import re

import pytest


@pytest.fixture
def session_id(project, cli):
    return cli("sessions", "--json").json[0]["session_id"]


def test_it_writes_a_page_and_says_where(cli, project, session_id):
    done = cli("report")
    assert done.code == 0
    target = project / f"{session_id}.html"
    assert f"strategies of {session_id} in {target.name}" in done.out
    page = target.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert f"mass-tuning report {session_id} -o report.html" in page


def test_json_names_file_and_sizes(cli, project, session_id):
    told = cli("report", session_id, "-o", "r.html", "--where", "window_size = 5", "--json").json
    assert told["file"] == "r.html"
    assert told["bytes"] == (project / "r.html").stat().st_size > told["data_bytes"] > 0
    assert told["filter"] == "window_size = 5"
    every = cli("report", "-o", "r.html", "--json").json
    assert every["strategies"] == 2 * told["strategies"]
    assert every["filter"] is None


def test_factor_and_without_choose(cli, project):
    told = cli("report", "-o", "r.html", "--factor", "DD", "--without", "IC", "--json").json
    assert told["filter"] == "with DD, without IC"
    assert "with DD, without IC" in (project / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "locale", "language"),
    [
        ([], "zh_TW.UTF-8", "zh-Hant"),
        ([], "en_GB.UTF-8", "en"),
        ([], "C", "en"),
        (["--language", "en"], "zh_TW.UTF-8", "en"),
        (["--language", "zh-Hant"], "C", "zh-Hant"),
    ],
)
def test_the_language_it_opens_in(cli, project, monkeypatch, options, locale, language):
    monkeypatch.setenv("LC_ALL", locale)
    assert cli("report", "-o", "r.html", *options).code == 0
    (found,) = re.findall(r'<html lang="([^"]+)"', (project / "r.html").read_text("utf-8"))
    assert found == language


def test_attached_it_stands_beside_the_studies_until_they_go(cli, project, session_id):
    assert cli("report", "-o", "r.html").code == 0
    folder = project / "funding_rate_artifacts"
    assert not folder.exists()
    assert cli("report", "-o", "r.html", "--attach").code == 0
    pages = list(folder.iterdir())
    assert pages
    assert all(page.read_bytes() == (project / "r.html").read_bytes() for page in pages)
    assert "one session" in cli("report", session_id, session_id, "--attach").error
    assert cli("clean", "--session", session_id, "--yes").code == 0
    assert list(folder.iterdir()) == []


def test_what_is_refused(cli, project):
    assert "ends in .html" in cli("report", "-o", "report.pdf").error
    assert "does not exist" in cli("report", "-o", "nowhere/r.html").error
    link = project / "link.html"
    link.symlink_to(project / "funding_rate.db")
    assert "is not written over" in cli("report", "-o", "link.html").error
    assert "there is no session" in cli("report", "nothing").error
