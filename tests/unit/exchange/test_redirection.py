"""Where we go when a server sends us elsewhere, and where we do not."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.exchange.errors import Redirected
from reconciler.exchange.port import Auth, Connection, Endpoint
from reconciler.exchange.session.redirection import follow

HTTPS = "https://ex1.contoso.com/PowerShell/"
HTTP = "http://ex1.contoso.com/PowerShell/"


def connection(url: str, service: str = "") -> Connection:
    return Connection("EX1", url, Endpoint.EXCHANGE, "u", "p", auth=Auth.KERBEROS, service=service)


@pytest.mark.parametrize(
    ("url", "location", "expected"),
    [
        (HTTPS, "https://ex2.contoso.com/PowerShell/", "https://ex2.contoso.com/PowerShell/"),
        (HTTPS, "https://ex2.contoso.com/powershell?x=y", "https://ex2.contoso.com/powershell?x=y"),
        (HTTPS, "//ex2.contoso.com:444/PowerShell/#a", "https://ex2.contoso.com:444/PowerShell/"),
        (HTTP, HTTPS, HTTPS),
        (HTTP, "https://EX1.contoso.com:444/PowerShell/", "https://EX1.contoso.com:444/PowerShell/"),
    ],
)
def test_who_is_trusted_is_followed_to_who_can_be(url: str, location: str, expected: str) -> None:
    assert follow(connection(url), location).url == expected


@pytest.mark.parametrize(
    ("url", "location", "why"),
    [
        (HTTPS, "http://ex1.contoso.com/PowerShell/", "only https"),
        (HTTPS, "http://ex2.contoso.com/PowerShell/", "only https"),
        (HTTPS, "ftp://ex2.contoso.com/PowerShell/", "only https"),
        (HTTPS, "https://ex1.contoso.com/owa/auth/logon.aspx", "another path"),
        (HTTPS, "/owa", "another path"),
        (HTTPS, "https://admin:pw@ex2.contoso.com/PowerShell/", "no address"),
        (HTTPS, "https://[oops/PowerShell/", "no address"),
        (HTTPS, "https://ex2:99999/PowerShell/", "no address"),
        (HTTP, "http://ex1.contoso.com:8080/PowerShell/", "only https"),
        (HTTP, "https://ex2.contoso.com/PowerShell/", "over http nobody has proved"),
        (HTTP, "", "only https"),
    ],
)
def test_anybody_else_is_not(url: str, location: str, why: str) -> None:
    """A redirect over http can be anybody's, and https to nowhere proves nothing."""
    with pytest.raises(Redirected) as caught:
        follow(connection(url), location)
    assert why in str(caught.value)
    assert "which is not followed" in str(caught.value)


@pytest.mark.parametrize(
    ("location", "service"),
    [
        ("https://ex2.contoso.com/PowerShell/", "HTTP/ex2.contoso.com"),
        ("https://ex1.contoso.com:444/PowerShell/", "HTTP/mail.contoso.com"),
    ],
)
def test_tickets_are_for_the_host_that_is_asked(location: str, service: str) -> None:
    """A name that was given for one host says nothing of another."""
    assert follow(connection(HTTPS, "HTTP/mail.contoso.com"), location).service == service


def test_a_name_that_was_not_given_is_made_from_the_new_host() -> None:
    assert follow(connection(HTTPS), "https://ex2.contoso.com/PowerShell/").service == ""


words = st.sampled_from(
    ["http", "https", ":", "//", "/", "\\", "@", "[", "]", "?", "#", "ex1.contoso.com", "ex2", "\n"]
)


@given(
    st.sampled_from([HTTP, HTTPS]),
    st.lists(words | st.sampled_from(["PowerShell"]) | st.text(max_size=3), max_size=8).map("".join),
)
def test_whatever_is_said_leads_to_tls_or_nowhere(url: str, location: str) -> None:
    """It comes from a stranger."""
    try:
        followed = urlsplit(follow(connection(url), location).url)
    except Redirected:
        return
    assert followed.scheme == "https"
    assert followed.hostname
    assert url == HTTPS or followed.hostname == "ex1.contoso.com"
