"""What a server tells besides objects: errors, states, questions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypsrp.complex_objects import ObjectMeta
from pypsrp.messages import ErrorRecordMessage, PipelineHostCall, PipelineState, ProgressRecord, WarningRecord
from pypsrp.powershell import RunspacePool
from pypsrp.wsman import WSMan

from reconciler.cmdlets.invocation import Answer
from reconciler.exchange.clixml import ClixmlError
from reconciler.exchange.errors import UnexpectedPrompt
from reconciler.exchange.session.messages import inject_reader
from reconciler.exchange.session.prompts import Respondent

NAMED = '<S N="FullyQualifiedErrorId">{id}</S><S N="ErrorCategory_Activity">{activity}</S>'
RECORD = (
    '<Obj RefId="0"><ToString>Shown</ToString><MS>'
    '<Obj N="Exception" RefId="1"><ToString>System.Exception: Long</ToString>'
    '<Props><S N="Message">Ein Fehler</S></Props></Obj>'
    # An Exchange object with a list and a reference into it: pypsrp alone would lose the whole error [5-6].
    '<Obj N="TargetObject" RefId="2"><ToString>Mail</ToString><Props>'
    '<Obj N="SmartHosts" RefId="3"><TN RefId="0"><T>Microsoft.Exchange.Data.MultiValuedProperty</T></TN>'
    '<LST><Obj RefId="4"><ToString>a</ToString></Obj></LST></Obj><Ref N="SourceIPAddress" RefId="4" />'
    "</Props></Obj>"
    '<S N="FullyQualifiedErrorId">[Server=EX1] 1A2B,Microsoft.Exchange.GetSendConnector</S>'
    '<I32 N="ErrorCategory_Category">13</I32><S N="ErrorCategory_Activity">Get-SendConnector</S>'
    '<S N="ErrorCategory_Reason">ManagementObjectNotFoundException</S></MS></Obj>'
)


def read(xml: str, message: type) -> Any:
    """Read a message as pypsrp would have it read."""
    pool = RunspacePool(WSMan("localhost"))
    inject_reader(pool)
    return pool._fragmenter.serializer.deserialize(xml, ObjectMeta("Obj", object=message))


class TestAnErrorRecord:
    def test_is_its_facts(self) -> None:
        record = read(RECORD, ErrorRecordMessage).value
        assert record.fully_qualified_id == "[Server=EX1] 1A2B,Microsoft.Exchange.GetSendConnector"
        assert record.category == 13
        assert record.activity == "Get-SendConnector"
        assert record.reason == "ManagementObjectNotFoundException"
        assert record.target == "Mail"
        assert record.message == "Ein Fehler"

    def test_may_be_nearly_empty(self) -> None:
        record = read('<Obj RefId="0"><ToString>Shown</ToString></Obj>', ErrorRecordMessage).value
        assert (record.message, record.fully_qualified_id, record.category) == ("Shown", "", 0)

    def test_names_the_missing_cmdlet_as_its_target(self) -> None:
        record = read(
            '<Obj RefId="0"><MS><S N="TargetObject">Get-SendConnector</S>'
            '<S N="FullyQualifiedErrorId">CommandNotFoundException</S></MS></Obj>',
            ErrorRecordMessage,
        ).value
        assert record.is_missing_command
        assert record.is_about("Get-SendConnector")
        assert not record.is_about("Get-ReceiveConnector")


class TestAState:
    def test_has_a_number_and_an_error(self) -> None:
        inner = RECORD.replace('<Obj RefId="0">', '<Obj N="ExceptionAsErrorRecord" RefId="9">', 1)
        state = read(f'<Obj RefId="8"><MS><I32 N="PipelineState">5</I32>{inner}</MS></Obj>', PipelineState)
        assert state.state == 5
        assert state.error_record.value.activity == "Get-SendConnector"

    def test_mostly_has_no_error(self) -> None:
        state = read('<Obj RefId="0"><MS><I32 N="PipelineState">4</I32></MS></Obj>', PipelineState)
        assert (state.state, state.error_record) == (4, None)


def test_a_warning_is_its_text() -> None:
    xml = '<Obj RefId="0"><MS><S N="InformationalRecord_Message">Careful</S></MS></Obj>'
    assert read(xml, WarningRecord).value == "Careful"


def test_progress_is_not_even_read() -> None:
    assert read("<Obj>", ProgressRecord).value is None


@pytest.mark.parametrize("message", [ErrorRecordMessage, PipelineState, PipelineHostCall, WarningRecord])
@given(
    xml=st.text(max_size=60)
    | st.sampled_from(["<S>a</S>", "<Objs />", "<Nil />", "<Obj />", "<Obj><LST /></Obj>"])
)
def test_a_message_that_is_none_gives_a_typed_error(message: type, xml: str) -> None:
    try:
        read(xml, message)
    except ClixmlError as error:
        told = str(error)
    else:
        told = "read"
    assert told


THUMBPRINTS = f"Current certificate: '{'A' * 40}'\nReplace it with certificate: '{'B' * 40}'"


def call(method: int, *arguments: str) -> Any:
    """A host call, as a server encodes it."""
    mi = f'<Obj N="mi"><ToString>x</ToString><I32>{method}</I32></Obj>'
    mp = f'<Obj N="mp"><LST>{"".join(arguments)}</LST></Obj>'
    return read(f'<Obj RefId="0"><MS><I64 N="ci">1</I64>{mi}{mp}</MS></Obj>', PipelineHostCall)


def choice(message: str, *labels: str) -> Any:
    """A call of PromptForChoice."""
    choices = "".join(f'<Obj><MS><S N="label">{label}</S></MS></Obj>' for label in labels)
    lists = f"<Obj><LST>{choices}</LST></Obj>"
    return call(26, "<S>Confirm</S>", f"<S>{message}</S>", lists, "<I32>0</I32>")


def asked(made: Any, *answers: Answer) -> tuple[int | None, tuple[Answer, ...]]:
    respondent = Respondent("EX1")
    respondent.expect("Enable-ExchangeCertificate", answers)
    return respondent.run_method(made.mi, made.mp, None), respondent.answered


class TestAQuestion:
    NO = Answer("default_smtp", "no")

    def test_that_was_foreseen_is_answered(self) -> None:
        made = choice(THUMBPRINTS, "&amp;Yes", "Yes to &amp;All", "&amp;No", "No to A&amp;ll")
        assert asked(made, self.NO) == (2, (self.NO,))
        assert asked(made, Answer("default_smtp", "yes"))[0] == 0

    def test_is_known_by_its_english_words_too(self) -> None:
        made = choice("Overwrite the existing default SMTP certificate?", "&amp;Yes", "&amp;No")
        assert asked(made, self.NO)[0] == 1

    def test_that_was_not_foreseen_stops_the_command(self) -> None:
        """Not even No is a safe guess."""
        with pytest.raises(UnexpectedPrompt) as caught:
            asked(choice("Are you sure?", "&amp;Yes", "&amp;No"), self.NO)
        assert caught.value.text == "Confirm\nAre you sure?"
        assert caught.value.choices == ("yes", "no")

    def test_without_the_foreseen_choice_stops_the_command(self) -> None:
        with pytest.raises(UnexpectedPrompt):
            asked(choice(THUMBPRINTS, "&amp;Ja", "&amp;Nein"), self.NO)

    def test_for_a_text_or_a_password_stops_the_command(self) -> None:
        with pytest.raises(UnexpectedPrompt) as caught:
            asked(call(11), self.NO)
        assert caught.value.method == "ReadLine"

    def test_that_is_only_output_is_left_without_an_answer(self) -> None:
        assert asked(call(16, "<S>x</S>")) == (None, ())
