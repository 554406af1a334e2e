"""By which names and addresses a dashboard is asked."""

import socket

from studies.web.guard import KnownHosts, is_loopback


def test_which_names_are_known():
    named = KnownHosts("tuning.example", 8080)
    assert named.knows("tuning.example:8080")
    assert named.knows("localhost:8080")
    assert not named.knows("tuning.example")
    assert not named.knows("10.0.0.1:8080")
    assert KnownHosts("fe80::1", 8080).knows("[fe80::1]:8080")
    usual = KnownHosts("localhost", 80)
    assert usual.knows("localhost")
    assert usual.knows_origin("http://localhost")


def test_a_server_on_every_address_knows_addresses_but_no_names():
    every = KnownHosts("0.0.0.0", 8080)
    for known in ("10.0.0.1:8080", "[fe80::1]:8080", f"{socket.gethostname()}:8080"):
        assert every.knows(known)
        assert every.knows_origin(f"http://{known}")
    for foreign in ("evil.example:8080", "10.0.0.1:1", "10.0.0.1", "a@10.0.0.1:8080", "[:8080"):
        assert not every.knows(foreign)


def test_loopback():
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "10.0.0.1", "tuning.example"))
