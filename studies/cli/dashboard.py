"""``dashboard``: the pages in a browser."""

from __future__ import annotations

import sys

import click

from studies.cli.context import Command, Context, command_options
from studies.cli.output import note, print_json, say, warn

__all__ = ["dashboard"]


@click.command(
    cls=Command,
    short_help="Sessions in the browser, live, and optuna-dashboard beside them.",
    examples="""
    mass-tuning dashboard
    mass-tuning dashboard --port 0 --open
    mass-tuning dashboard --allow-control
    mass-tuning dashboard --host 192.168.1.5 --token auto
    """,
)
@click.option(
    "--host",
    metavar="HOST",
    default="127.0.0.1",
    show_default=True,
    help="Listen on this address; any but this machine's own loopback needs --token.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    metavar="PORT",
    help="Listen on this port; 0: a free one.",
)
@click.option(
    "--allow-control",
    is_flag=True,
    help="Let the pages change something: notes of sessions, and what optuna-dashboard can "
    "change, the deletion of studies included.",
)
@click.option(
    "--token",
    metavar="TEXT|auto",
    help="Ask every visitor for this token, at least 16 characters; auto: a new one.",
)
@click.option("--open", "open_browser", is_flag=True, help="Open the page in the browser.")
@command_options
@click.pass_obj
def dashboard(
    context: Context,
    host: str,
    port: int,
    allow_control: bool,
    token: str | None,
    open_browser: bool,
) -> None:
    """Serve pages on the sessions of the database, and optuna-dashboard beside them.

    The pages stand under /mass-tuning/ and follow a running session; optuna-dashboard stands at
    the root. Nothing can be changed from them unless --allow-control is given. Ctrl-C ends it.
    """
    import secrets

    from studies.web import dashboard_server

    if token == "auto":  # noqa: S105 (a word of the option)
        token = secrets.token_urlsafe(24)
    server = dashboard_server(
        context.engine(), host, port, context.command, token=token, allow_control=allow_control
    )
    address = server.address if token is None else f"{server.address}?token={_quoted(token)}"
    with server:
        if context.as_json:
            print_json({"address": address, "token": token, "allow_control": allow_control})
        else:
            say(address)
            if not server.is_local:
                warn("what it sends is not encrypted: whoever sees the network sees the token")
            note("Ctrl-C ends it")
        sys.stdout.flush()
        if open_browser:
            import webbrowser

            webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def _quoted(token: str) -> str:
    from urllib.parse import quote

    return quote(token, safe="")
