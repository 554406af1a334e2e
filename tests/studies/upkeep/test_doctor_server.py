"""The examination of a PostgreSQL database."""

import pytest
import sqlalchemy as sa

from studies.upkeep import check_database
from tests.helpers.sessions import make_config


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_server(completed, monkeypatch):
    url = make_config(completed.engine.url.render_as_string(hide_password=False)).database

    def look():
        engine = check_database.patient_engine(url)
        found = list(check_database.check_database(engine))
        engine.dispose()
        return {finding.check: finding for finding in found}

    found = look()
    assert {finding.level for finding in found.values()} == {"ok"}, found
    names = ["database", "schema", "clock", "counts", "foreign trials", "sessions", "leases"]
    assert list(found) == names
    assert "PostgreSQL" in found["database"].message
    assert "connections used" in found["database"].message
    with completed.engine.begin() as connection:
        connection.execute(sa.text("UPDATE tuning_sessions SET failed_strategies = 7"))
    now = check_database.time.time
    monkeypatch.setattr(check_database.time, "time", lambda: now() + 60)
    found = look()
    assert found["counts"].level == "problem"
    assert "of the database is 60 s behind ours" in found["clock"].message


def test_a_server_that_is_not_there():
    engine = check_database.patient_engine("postgresql://me:hunter2@127.0.0.1:1/name")
    (found,) = check_database.check_database(engine)
    engine.dispose()
    assert (found.check, found.level) == ("database", "problem")
    assert "hunter2" not in f"{found.message}{found.way_out}"
    assert "check that the server runs" in found.way_out
