"""Our pages as a bottle application under ``/mass-tuning/``, and their documents as JSON."""

import functools
import hashlib
import json
import logging
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bottle
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from search_spaces.errors import MassTuningError, SessionError, StorageError
from studies.database import database_errors, write_transaction
from studies.language import ENGLISH, TRADITIONAL_CHINESE
from studies.reports import FIGURE_CSS, element
from studies.sessions import change_notes
from studies.web.asked_filter import AskedFilter
from studies.web.compare_choice import compare_choice
from studies.web.documents import Documents
from studies.web.drawn_pages import DrawnPage, DrawnPages
from studies.web.layout import COMPARE, ROOT, page, session_path
from studies.web.seldom import BusyError
from studies.web.session_pages import NOTES_LIMIT, list_content, session_content
from studies.web.strategy_page import strategy_content

__all__ = ["NOT_THERE", "make_pages"]

NOT_THERE = "the database does not answer, trying again"

_STATIC = Path(__file__).parent / "static"
_logger = logging.getLogger(__name__)
_SESSION = "/session/<session_id:path>"
_STRATEGY = f"{_SESSION}/strategy/<strategy_id:path>"
_View = Callable[..., Any]


def make_pages(
    documents: Documents, command: Callable[[str], str], *, allow_control: bool = False
) -> bottle.Bottle:
    """Make the application.

    Parameters
    ----------
    documents : Documents
    command : callable
        Writes a command line for the same database, to be shown: no page runs one.
    allow_control : bool
        Whether notes can be changed.
    """
    app: Any = bottle.Bottle()
    app.default_error_handler = _error_page
    _add_static(app)
    _add_documents(app, documents)
    _add_drawn(app, documents, DrawnPages(documents.engine, command))
    _add_pages(app, documents, command, allow_control)
    if allow_control:
        _add_control(app, documents.engine)
    return app


def _add_static(app: Any) -> None:
    @app.get(ROOT)
    def _root() -> None:
        bottle.redirect(f"{ROOT}/", 302)

    @app.get(f"{ROOT}/static/<name:re:live\\.js|style\\.css>")
    def _static(name: str) -> Any:
        return bottle.static_file(name, root=str(_STATIC))

    @app.get(f"{ROOT}/static/{FIGURE_CSS.name}")
    def _figures() -> Any:
        return bottle.static_file(FIGURE_CSS.name, root=str(FIGURE_CSS.parent))


def _add_documents(app: Any, documents: Documents) -> None:
    @app.get(f"{ROOT}/api/sessions")
    @_answered
    def _sessions() -> Any:
        return _as_json(documents.sessions())

    @app.get(f"{ROOT}/api{_STRATEGY}")
    @_answered
    def _strategy(session_id: str, strategy_id: str) -> Any:
        return _as_json(documents.strategy(session_id, strategy_id))

    @app.get(f"{ROOT}/api{_SESSION}")
    @_answered
    def _session(session_id: str) -> Any:
        return _as_json(documents.session(session_id, AskedFilter.from_query(bottle.request.query)))


def _add_pages(
    app: Any, documents: Documents, command: Callable[[str], str], allow_control: bool
) -> None:
    @app.get(f"{ROOT}/")
    @_answered
    def _list() -> str:
        sessions = documents.sessions()
        api = f"{ROOT}/api/sessions"
        return page("Sessions", list_content(sessions, command), api=api, etag=_etag(sessions))

    @app.get(f"{ROOT}{_STRATEGY}")
    @_answered
    def _strategy(session_id: str, strategy_id: str) -> str:
        document = documents.strategy(session_id, strategy_id)
        verify = command(f"verify {shlex.quote(session_id)} {shlex.quote(strategy_id)}")
        return page(strategy_id, strategy_content(document, verify))

    @app.get(f"{ROOT}{_SESSION}")
    @_answered
    def _session(session_id: str) -> str:
        asked = AskedFilter.from_query(bottle.request.query)
        document = documents.session(session_id, asked)
        content = session_content(document, command, allow_control, asked)
        api = f"{ROOT}/api{session_path(session_id)}{asked.query}"
        return page(session_id, content, api=api, etag=_etag(document))


def _add_drawn(app: Any, documents: Documents, drawn: DrawnPages) -> None:
    @app.get(f"{ROOT}{_SESSION}/report")
    @_answered
    def _report(session_id: str) -> Any:
        asked = AskedFilter.from_query(bottle.request.query)
        return _as_drawn(drawn.report(session_id, asked, _language()))

    @app.get(COMPARE)
    @_answered
    def _compare() -> Any:
        asked = AskedFilter.from_query(bottle.request.query)
        chosen = bottle.request.query.decode().getall("session")
        if len(chosen) < 2:
            return page("Compare sessions", compare_choice(documents.sessions(), chosen, asked))
        return _as_drawn(drawn.comparison(chosen, asked, _language()))


def _add_control(app: Any, engine: Engine) -> None:
    @app.post(f"{ROOT}/notes")
    @_answered
    def _notes() -> None:
        session_id = bottle.request.forms.getunicode("session", "")
        notes = bottle.request.forms.getunicode("notes", "").replace("\r\n", "\n").strip()
        if len(notes) > NOTES_LIMIT:
            raise bottle.HTTPError(413, f"a note has at most {NOTES_LIMIT:,} characters")
        with database_errors(engine), write_transaction(engine) as connection:
            change_notes(connection, session_id, notes or None)
        bottle.redirect(f"{ROOT}{session_path(session_id)}", 303)


def _answered(view: _View) -> _View:
    """Turn what a view raises into a status and a sentence."""

    @functools.wraps(view)
    def answering(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except (StorageError, DBAPIError):
            raise bottle.HTTPError(503, NOT_THERE) from None
        except BusyError as error:
            raise bottle.HTTPError(503, str(error)) from None
        except SessionError as error:
            raise bottle.HTTPError(404, str(error)) from None
        except MassTuningError as error:
            raise bottle.HTTPError(400, str(error)) from None
        except bottle.HTTPResponse:
            raise
        except Exception as error:
            _logger.exception("a page cannot be shown")
            name = type(error).__name__
            sentence = f"unexpected {name}; the terminal of the dashboard says more"
            raise bottle.HTTPError(500, sentence) from None

    return answering


def _error_page(error: bottle.HTTPError) -> str:
    """Say what is the matter, to programs in JSON."""
    sentence = str(error.body)
    if bottle.request.path.startswith(f"{ROOT}/api/"):
        bottle.response.content_type = "application/json"
        return json.dumps({"error": sentence})
    if error.status_code == 503:
        bottle.response.set_header("Refresh", "2")
    return page(error.status_line, element("h1", error.status_line), element("p", sentence))


def _text_of(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


def _etag(document: Any) -> str:
    return f'"{hashlib.sha256(_text_of(document)).hexdigest()[:32]}"'


def _as_json(document: Any) -> bytes | bottle.HTTPResponse:
    """Answer with a document, or with 304 if the asker has it."""
    return _unless_known(_text_of(document), _etag(document), {"Content-Type": "application/json"})


def _as_drawn(drawn: DrawnPage) -> bytes | bottle.HTTPResponse:
    """Answer with a page that brings its own policy; a 304 says it again, for browsers keep it."""
    headers = {"Content-Type": "text/html; charset=UTF-8", "Content-Security-Policy": drawn.policy}
    return _unless_known(drawn.content, drawn.etag, headers)


def _unless_known(
    content: bytes, etag: str, headers: dict[str, str]
) -> bytes | bottle.HTTPResponse:
    headers = {**headers, "ETag": etag}
    known = bottle.request.headers.get("If-None-Match", "")
    if etag in (text.strip().removeprefix("W/") for text in known.split(",")):
        return bottle.HTTPResponse(status=304, headers=headers)
    for name, value in headers.items():
        bottle.response.set_header(name, value)
    return content


def _language() -> str:
    """Return the language in which a page opens: what the browser asks for first."""
    first = bottle.request.headers.get("Accept-Language", "").strip().lower()
    return TRADITIONAL_CHINESE if first.startswith("zh") else ENGLISH
