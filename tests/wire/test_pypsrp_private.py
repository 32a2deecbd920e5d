"""The private names of pypsrp that the session stands on. When one moves, this says which and what for.

pypsrp is pinned for that reason. To move the pin: make these pass, then everything else under tests/wire.
"""

from __future__ import annotations

import inspect
import xml.etree.ElementTree as ET
from importlib.metadata import version
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypsrp.complex_objects import Command, ObjectMeta
from pypsrp.messages import CreatePipeline, Destination, Message, MessageType, PipelineOutput
from pypsrp.negotiate import HTTPNegotiateAuth
from pypsrp.powershell import Fragmenter, PowerShell, RunspacePool
from pypsrp.serializer import Serializer
from pypsrp.shell import WinRS
from pypsrp.wsman import WSMan, _TransportHTTP
from urllib3.connection import HTTPSConnection

from reconciler.exchange.session.pipelines import OneCommand, text_of_pipeline


def test_pypsrp_is_the_version_this_was_written_for() -> None:
    assert version("pypsrp") == "0.9.1"


class TestAPool:
    def test_has_one_serializer_in_the_two_places_where_ours_is_put(self) -> None:
        """`inject_reader` sets both; another place would go on losing Exchange's objects."""
        pool = RunspacePool(WSMan("localhost"))
        assert isinstance(pool._serializer, Serializer)
        assert pool._fragmenter.serializer is pool._serializer
        holders = [name for name, value in vars(pool).items() if isinstance(value, Serializer)]
        assert holders == ["_serializer"]

    def test_keeps_its_shell_where_it_is_closed(self) -> None:
        """`Pool.close` closes the shell of a broken pool, which the pool's own close leaves open."""
        pool = RunspacePool(WSMan("localhost"))
        assert isinstance(pool.shell, WinRS)
        pool.shell.close()  # not open: sends nothing

    def test_turns_a_warning_into_python_s_in_the_method_we_replace(self) -> None:
        assert list(inspect.signature(RunspacePool._process_runspacepool_warning).parameters) == [
            "self",
            "message",
        ]


class TestAMessage:
    def test_hands_a_whole_message_to_the_serializer_as_text(self) -> None:
        """Our reader takes a string for a message, and pipeline output for one without metadata."""
        seen: list[tuple[object, object]] = []

        class Spy(Serializer):
            def deserialize(self, element: object, metadata: object = None, clear: bool = True) -> object:
                seen.append((element, metadata))
                return PipelineOutput()

        head = b"".join(
            number.to_bytes(4, "little") for number in (Destination.CLIENT, MessageType.PIPELINE_OUTPUT)
        )
        Message.unpack(head + bytes(32) + b"<S>a</S>", Spy())
        assert seen == [("<S>a</S>", None)]
        head = b"".join(
            number.to_bytes(4, "little") for number in (Destination.CLIENT, MessageType.PIPELINE_STATE)
        )
        Message.unpack(head + bytes(32) + b"<Obj />", Spy())
        element, metadata = seen[-1]
        assert element == "<Obj />"
        assert isinstance(metadata, ObjectMeta)
        assert metadata.object is not None

    def test_is_put_together_by_the_fragmenter_that_ours_replaces(self) -> None:
        """The pool calls ``defragment`` with all it received, and sets ``max_size`` when it learns it."""
        assert list(inspect.signature(Fragmenter.__init__).parameters) == ["self", "max_size", "serializer"]
        assert list(inspect.signature(Fragmenter.defragment).parameters) == ["self", "data"]
        assert "_fragmenter.defragment(responses)" in inspect.getsource(RunspacePool._parse_responses)


class _Sent(Exception):
    """What pypsrp was about to serialize."""


class _Stopping(Serializer):
    def serialize(self, value: object, *_: object, **__: object) -> NoReturn:
        raise _Sent(value)


words = st.text("ab.-:/\\ 1", min_size=1, max_size=6)
statements = st.lists(st.tuples(words, st.dictionaries(words, words, max_size=3)), min_size=1, max_size=4)


class TestAPipeline:
    @staticmethod
    def message(made: list[tuple[str, dict[str, Any]]], kind: type[Command], version: str) -> CreatePipeline:
        """What pypsrp serializes when it runs commands of that kind."""
        pool = RunspacePool(WSMan("localhost"))
        pool._fragmenter.serializer = _Stopping()
        pipeline = PowerShell(pool)
        for cmdlet, parameters in made:
            if kind is OneCommand:
                pipeline.add_command(OneCommand(cmdlet, version, [*parameters.items()]))
            else:
                pipeline.add_command(Command(cmdlet, version, is_script=False, args=[]))
                pipeline.add_parameters(parameters).add_statement()
        with pytest.raises(_Sent) as caught:
            pipeline.begin_invoke()
        sent = caught.value.args[0]
        assert isinstance(sent, CreatePipeline)
        return sent

    @given(statements, st.sampled_from(["2.2", "2.3"]))
    def test_is_the_same_on_the_wire_whoever_writes_it(
        self, made: list[tuple[str, dict[str, Any]]], version: str
    ) -> None:
        """Ours is neither copied nor, with plain words, serialized anew; what is sent must not show it."""
        expected = ET.tostring(Serializer().serialize(self.message(made, Command, version)), "unicode")
        own = self.message(made, OneCommand, version)
        assert ET.tostring(Serializer().serialize(own), "unicode") == expected
        text = text_of_pipeline(own)
        assert text is not None
        assert text.decode() == expected

    @pytest.mark.parametrize("value", ["", "a<b", "_x0041_", "{0}", "\u00df", 1, True, None, ["a"]])
    def test_is_left_to_pypsrp_with_any_other_value(self, value: object) -> None:
        assert text_of_pipeline(self.message([("Get-A", {"Name": value})], OneCommand, "2.3")) is None

    def test_of_another_version_is_left_to_pypsrp(self) -> None:
        assert text_of_pipeline(self.message([("Get-A", {})], OneCommand, "2.1")) is None


class TestTheTransport:
    def test_takes_trust_from_the_connection_that_ours_changes(self) -> None:
        """`bound_heads` puts a context there, and takes the bundle away that requests has put there."""
        taken = inspect.signature(HTTPSConnection.__init__).parameters
        assert {"ssl_context", "ca_certs"} <= taken.keys()
        source = inspect.getsource(HTTPSConnection.connect)
        assert "ssl_context=self.ssl_context" in source
        assert "ca_certs=self.ca_certs" in source

    @pytest.mark.parametrize(
        ("name", "parameters"),
        [
            ("send", ["self", "message", "retries_on_read_timeout", "timeout"]),
            ("_send_request", ["self", "request", "timeout"]),
            ("_build_session", ["self"]),
            ("_build_auth_negotiate", ["self", "session", "auth_provider"]),
        ],
    )
    def test_has_the_methods_that_ours_replaces(self, name: str, parameters: list[str]) -> None:
        assert list(inspect.signature(getattr(_TransportHTTP, name)).parameters) == parameters

    def test_signs_on_with_what_ours_leaves(self) -> None:
        """`SignOn` keeps what encrypts by host; the transport looks for it there after an empty request."""
        assert "self.session.auth.contexts[hostname]" in inspect.getsource(_TransportHTTP.send)
        assert "if self.wrap_required and not self.encryption:" in inspect.getsource(_TransportHTTP.send)
        assert list(inspect.signature(HTTPNegotiateAuth._get_cbt_data).parameters) == ["response"]
        assert 'register_hook("response", self.response_hook)' in inspect.getsource(HTTPNegotiateAuth)

    def test_is_taken_from_where_ours_is_put(self) -> None:
        """`wsman` replaces it; the endpoint in each envelope comes from it too."""
        made = WSMan("localhost")
        assert isinstance(made.transport, _TransportHTTP)
        assert "self.transport.send(" in inspect.getsource(WSMan.invoke)


def test_a_pipeline_keeps_raw_output_and_streams_where_they_are_read() -> None:
    pipeline = PowerShell(RunspacePool(WSMan("localhost")))
    assert pipeline.output == []
    assert (pipeline.streams.error, pipeline.streams.warning) == ([], [])
    assert "response[1].data.data" in inspect.getsource(PowerShell.poll_invoke)
