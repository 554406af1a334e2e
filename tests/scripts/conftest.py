"""The databases of the tests of `studies`, for scripts too."""

from tests.studies.conftest import closed_connections as closed_connections
from tests.studies.conftest import database as database
from tests.studies.conftest import databases as databases
