"""Who is answered, and what cannot be asked for."""

import optuna
import pytest

from studies.trials import open_optuna_storage
from tests.studies.web.conftest import Site

TOKEN = "a-token-of-more-than-16"
PATHS = ["/mass-tuning/", "/mass-tuning/api/sessions", "/api/studies", "/dashboard"]

# The guard stands before everything: it knows no database, and one is enough here.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def studies_of(engine):
    storage = open_optuna_storage(engine)
    names = sorted(study.study_name for study in storage.get_all_studies())
    storage.remove_session()
    storage.engine.dispose()
    return names


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_its_own_names_are_answered(site, path, name):
    assert site.ask(path, Host=f"{name}:{site.port}").status == 200


@pytest.mark.parametrize("path", [*PATHS, "/"])
@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost.evil.example:{port}",
        "127.0.0.1:{port}@evil.example",
        "127.0.0.1:{port}, evil.example",
        "10.1.2.3:{port}",
    ],
)
def test_a_foreign_host_is_refused(site, path, host):
    answer = site.ask(path, Host=None if host is None else host.format(port=site.port))
    assert answer.status == 403
    assert "does not answer under the name" in answer.text


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "", "https://127.0.0.1:{port}", "http://127.0.0.1", "file://"],
)
def test_a_foreign_origin_is_refused(site, path, origin):
    assert site.ask(path, Origin=origin.format(port=site.port)).status == 403
    assert site.ask(path, Origin=site.origin).status == 200


@pytest.mark.parametrize("path", PATHS)
def test_parts_of_pages_of_other_sites_are_refused_and_links_are_not(site, path):
    def status(where, mode):
        return site.ask(path, Sec_Fetch_Site=where, Sec_Fetch_Mode=mode).status

    for where in ("cross-site", "same-site"):  # another port of localhost is the same site
        assert status(where, "no-cors") == 403
        assert status(where, "navigate") == 200
    assert status("same-origin", "cors") == 200
    assert status("none", "navigate") == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "ODD"])
@pytest.mark.parametrize("path", ["/api/studies/1", "/api/studies", "/mass-tuning/notes", "/"])
def test_nothing_but_reading(site, method, path):
    answer = site.ask(path, method, body=b"", Origin=site.origin)
    assert answer.status == 403
    assert "--allow-control" in answer.text


def test_a_study_is_not_deleted(site, completed):
    before = studies_of(completed.engine)
    assert before
    assert site.ask("/api/studies/1", "DELETE", body=b"").status == 403
    assert studies_of(completed.engine) == before


@pytest.mark.parametrize("override", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method"])
def test_no_header_makes_another_method_of_a_get(site, completed, override):
    before = studies_of(completed.engine)
    site.ask("/api/studies/1", **{override: "DELETE"})
    assert studies_of(completed.engine) == before


def test_control_is_for_pages_of_its_own(serve, completed):
    site = serve(completed.engine, allow_control=True)
    storage = open_optuna_storage(completed.engine)
    study_id = optuna.create_study(storage=storage, study_name="spare")._study_id
    storage.remove_session()
    storage.engine.dispose()
    path = f"/api/studies/{study_id}"
    for origin in (None, "null", "http://evil.example", "http://127.0.0.1"):
        assert site.ask(path, "DELETE", body=b"", Origin=origin).status == 403
    assert site.ask(path, "PATCH", body=b"", Origin=site.origin).status == 403
    assert "spare" in studies_of(completed.engine)
    assert site.ask(path, "DELETE", body=b"", Origin=site.origin).status == 204
    assert "spare" not in studies_of(completed.engine)


def test_every_answer_says_what_a_browser_must_not_do(site, completed):
    session_id = completed.row.session_id
    for path, host in [
        *(
            (path, None)
            for path in (*PATHS, "/", "/mass-tuning/none", "/mass-tuning/static/live.js")
        ),
        (f"/mass-tuning/session/{session_id}", None),
        ("/mass-tuning/", "evil.example"),
    ]:
        headers = site.ask(path, **({"Host": host} if host else {})).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Frame-Options"] == "DENY"
        policies = " ".join(headers.get_all("Content-Security-Policy"))
        assert "frame-ancestors 'none'" in policies
        if path.startswith("/mass-tuning") and host is None:
            assert "default-src 'none'; script-src 'self';" in policies
            assert "unsafe" not in policies
        assert "Access-Control-Allow-Origin" not in headers


def test_a_redirect_stays_here(site):
    answer = site.ask("/", X_Forwarded_Host="evil.example", X_Forwarded_Proto="https")
    assert answer.status == 302
    assert answer.headers["Location"] == f"{site.origin}/dashboard"


@pytest.fixture
def guarded(serve, completed):
    return serve(completed.engine, token=TOKEN)


@pytest.mark.parametrize("path", [*PATHS, "/", "/mass-tuning/static/live.js"])
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer \xe4\xf6"},
        {"Cookie": "other=1"},
        {"Cookie": f"mass_tuning_{{port}}={TOKEN}"},
        {"Cookie": "mass_tuning_{port}="},
    ],
)
def test_without_the_token_nothing_is_shown(guarded, path, given):
    headers = {name: value.format(port=guarded.port) for name, value in given.items()}
    answer = guarded.ask(path, **headers)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert TOKEN not in answer.text


def test_a_token_in_the_header(guarded):
    for path in PATHS:
        assert guarded.ask(path, Authorization=f"Bearer {TOKEN}").status == 200


def test_a_token_in_the_address_becomes_a_cookie(guarded):
    for wrong in ("x", "", f"{TOKEN}&token=x"):
        assert guarded.ask(f"/mass-tuning/?token={wrong}").status == 401
    first = guarded.ask(f"/mass-tuning/?a=%C3%A4&token={TOKEN}")
    assert first.status == 303
    assert first.headers["Location"] == "/mass-tuning/?a=%C3%A4"
    cookie = first.headers["Set-Cookie"]
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Strict")
    assert TOKEN not in cookie
    given = cookie.split(";")[0]
    for path in PATHS:
        assert guarded.ask(path, Cookie=f"other=1; {given}").status == 200
    assert guarded.ask("/api/studies/1", "DELETE", body=b"", Cookie=given).status == 403
    assert guarded.ask("/mass-tuning/", Cookie=given, Host="evil.example").status == 403
    assert guarded.ask("/mass-tuning/", Cookie=given, Origin="http://evil.example").status == 403


@pytest.mark.parametrize("path", ["//evil.example", "/%2Fevil.example", "///evil.example/"])
def test_the_address_without_the_token_is_of_this_server(guarded, path):
    location = guarded.ask(f"{path}?token={TOKEN}").headers["Location"]
    assert location.startswith("/")
    assert not location.startswith("//")


def test_the_token_of_another_dashboard_is_another_one(serve, completed, guarded):
    cookie = guarded.ask(f"/?token={TOKEN}").headers["Set-Cookie"].split(";")[0]
    other = serve(completed.engine, token=f"{TOKEN}-of-another")
    renamed = cookie.replace(str(guarded.port), str(other.port))
    assert other.ask("/mass-tuning/", Cookie=renamed).status == 401


def test_no_log_holds_the_token(guarded, capfd, caplog):
    with caplog.at_level("DEBUG"):
        guarded.ask(f"/mass-tuning/?token={TOKEN}")
        guarded.ask("/mass-tuning/none", Authorization=f"Bearer {TOKEN}")
    out, err = capfd.readouterr()
    assert TOKEN not in out + err + caplog.text


def test_a_site_answers_head_without_a_body(site: Site):
    for path in PATHS:
        answer = site.ask(path, "HEAD")
        assert (answer.status, answer.body) == (200, b"")
    assert site.ask("/", "HEAD", Host="evil.example").body == b""
