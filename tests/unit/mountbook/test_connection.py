"""The kept connection."""

import datetime
import ipaddress
import socket
import ssl
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mountbook.connection import Connection, regular_url
from mountbook.credentials import Token
from mountbook.errors import UserError
from tests.unit.mountbook.fake_collector import FakeCollector, Reply

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def answering_once_each(server: socket.socket, connections: int) -> Thread:
    """Answer one question on each connection, then close it without a word."""

    def serve() -> None:
        for _ in range(connections):
            connection, _address = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(ANSWER)

    thread = Thread(target=serve)
    thread.start()
    return thread


def test_questions_share_one_connection(collector: FakeCollector) -> None:
    collector.give("/x", Reply(b"{}"))
    with Connection(collector.url, None) as connection:
        assert [connection.ask("GET", "/x") for _ in range(3)] == [b"{}"] * 3
    assert len(collector.requests) == 3


def test_a_connection_that_was_closed_meanwhile_is_opened_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = answering_once_each(server, 2)
        with Connection(f"http://127.0.0.1:{server.getsockname()[1]}", None) as connection:
            assert connection.ask("GET", "/x") == b"{}"
            assert connection.ask("GET", "/x") == b"{}"
        thread.join()


def test_a_new_connection_that_is_closed_at_once_is_no_answer() -> None:
    def hang_up(server: socket.socket) -> None:
        connection, _address = server.accept()
        connection.recv(65536)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=hang_up, args=(server,))
        thread.start()
        with (
            Connection(f"http://127.0.0.1:{server.getsockname()[1]}", None) as connection,
            pytest.raises(UserError, match="closed the connection without an answer"),
        ):
            connection.ask("GET", "/x")
        thread.join()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that vouches for itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "collector")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def over_tls(server: socket.socket, certificate: Path) -> Thread:
    """Answer one question over TLS, if the other side accepts the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve() -> None:
        plain, _address = server.accept()
        with plain:
            try:
                with context.wrap_socket(plain, server_side=True) as connection:
                    connection.recv(65536)
                    connection.sendall(ANSWER)
            except ssl.SSLError:
                return

    thread = Thread(target=serve)
    thread.start()
    return thread


def test_a_certificate_of_an_unknown_ca_is_refused_with_what_to_set(certificate: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = over_tls(server, certificate)
        with (
            Connection(f"https://127.0.0.1:{server.getsockname()[1]}", None) as connection,
            pytest.raises(UserError, match="Name the file with your CA's certificate in the variable SSL_CERT_FILE"),
        ):
            connection.ask("GET", "/x")
        thread.join()


def test_a_certificate_of_a_ca_that_was_named_is_accepted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = over_tls(server, certificate)
        with Connection(f"https://127.0.0.1:{server.getsockname()[1]}", None) as connection:
            assert connection.ask("GET", "/x") == b"{}"
        thread.join()


def test_a_token_is_never_shown() -> None:
    assert "s3cret" not in repr(Token("s3cret", "a test"))


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("http://h:8480/", "http://h:8480"),
        (" https://h/book/ ", "https://h/book"),
        ("http://[::1]:8480", "http://[::1]:8480"),
    ],
)
def test_addresses_are_kept_in_one_form(typed: str, kept: str) -> None:
    assert regular_url(typed) == kept


@pytest.mark.parametrize("typed", ["", "h:8480", "http://h\nx", "http://[::1", "http://a b", "http://h:0"])
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(UserError, match="write it like"):
        regular_url(typed)
