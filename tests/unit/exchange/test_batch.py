"""Several Get- cmdlets in one pipeline: which object and which error belongs to which."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.exchange import clixml
from reconciler.exchange.errors import CmdletFailed, CmdletMissing, ErrorRecord
from reconciler.exchange.port import Query, Result
from reconciler.exchange.session.batch import SNAP_IN, Batch, Ended
from tests.rules import rule

SEND = Query("Get-SendConnector", frozenset({"Send"}))
RECEIVE = Query("Get-ReceiveConnector", frozenset({"Receive"}))
DOMAIN = Query("Get-AcceptedDomain", frozenset({"Domain"}))


def output(type_name: str) -> clixml.Object:
    (value,) = clixml.read(f'<Obj><TN RefId="0"><T>{type_name}</T><T>System.Object</T></TN></Obj>').values
    assert isinstance(value, clixml.Object)
    return value


def error(*, id: str = "X", activity: str = "", target: str = "") -> ErrorRecord:
    return ErrorRecord(id, 0, activity, target, "", "told")


def missing(cmdlet: str) -> ErrorRecord:
    return error(id="CommandNotFoundException", target=cmdlet)


def ended(*outputs: clixml.Object, errors: tuple[ErrorRecord, ...] = (), completed: bool = True) -> Ended:
    return Ended(completed, outputs, errors, ())


def run(batch: Batch, *pipelines: Ended) -> tuple[Result, ...]:
    """Feed the batch with how its pipelines end; it must want exactly these."""
    for pipeline in pipelines:
        assert batch.next_statements()
        batch.take(pipeline)
    assert batch.next_statements() == ()
    return batch.results()


class TestABatchThatCompletes:
    def test_takes_one_pipeline(self) -> None:
        send, receive = output("Send"), output("Receive")
        results = run(Batch("EX1", (SEND, RECEIVE)), ended(receive, send, receive))
        assert [result.objects for result in results] == [(send,), (receive, receive)]

    def test_believes_an_empty_list(self) -> None:
        assert run(Batch("EX1", (SEND, RECEIVE)), ended(output("Send")))[1] == Result()

    def test_settles_the_list_that_an_error_is_about_and_asks_for_the_others_again(self) -> None:
        """What was listed before the error is not the whole list, so it does not count."""
        results = run(
            Batch("EX1", (SEND, RECEIVE)),
            ended(output("Send"), output("Receive"), errors=(error(activity="get-sendconnector"),)),
            ended(output("Receive")),
        )
        assert results[0].objects == ()
        assert isinstance(results[0].failure, CmdletFailed)
        assert results[1].failure is None
        assert len(results[1].objects) == 1

    def test_does_not_believe_an_empty_list_beside_an_error(self) -> None:
        """A failing first statement ends what is heard after the second, and the pipeline says Completed."""
        batch = Batch("EX1", (SEND, RECEIVE, DOMAIN))
        batch.next_statements()
        batch.take(ended(output("Receive"), errors=(missing("Get-SendConnector"),)))
        assert batch.next_statements() == (RECEIVE, DOMAIN)
        batch.take(ended(output("Receive"), output("Domain")))
        assert [len(result.objects) for result in batch.results()] == [0, 1, 1]

    @rule("5-4")
    def test_knows_a_hidden_cmdlet_by_its_name_in_the_error(self) -> None:
        """Role-based access makes a cmdlet look as if it did not exist [5-4]."""
        results = run(Batch("EX1", (SEND, RECEIVE)), ended(errors=(missing("Get-SendConnector"),)), ended())
        assert isinstance(results[0].failure, CmdletMissing)
        assert results[1] == Result()

    def test_knows_an_exchange_error_by_the_class_at_the_end_of_its_id(self) -> None:
        id = "[Server=EX1,RequestId=1] 1A2B3C4D,Microsoft.Exchange.Management.Tasks.GetSendConnector"
        results = run(Batch("EX1", (SEND, RECEIVE)), ended(errors=(error(id=id),)), ended())
        assert results[0].failure is not None
        assert results[1].failure is None

    def test_asks_again_one_by_one_after_an_error_about_nothing_known(self) -> None:
        results = run(
            Batch("EX1", (SEND, RECEIVE)),
            ended(output("Send"), errors=(error(),)),
            ended(output("Send")),
            ended(errors=(error(),)),
        )
        assert len(results[0].objects) == 1
        assert isinstance(results[1].failure, CmdletFailed)

    def test_asks_again_one_by_one_after_an_object_of_a_strange_type(self) -> None:
        """Alone in its pipeline, whatever comes is what was asked for."""
        strange = output("NewKindOfSendConnector")
        results = run(Batch("EX1", (SEND, RECEIVE)), ended(strange), ended(strange), ended())
        assert results == (Result((strange,)), Result())


class TestABatchThatAnErrorEnds:
    def test_reads_the_others_without_the_one_that_failed(self) -> None:
        """What came before the end may be half a list."""
        batch = Batch("EX1", (SEND, RECEIVE, DOMAIN))
        batch.next_statements()
        batch.take(ended(output("Send"), errors=(missing("Get-ReceiveConnector"),), completed=False))
        assert batch.next_statements() == (SEND, DOMAIN)
        batch.take(ended(output("Send"), output("Domain")))
        results = batch.results()
        assert [len(result.objects) for result in results] == [1, 0, 1]
        assert isinstance(results[1].failure, CmdletMissing)

    def test_without_a_word_is_tried_one_by_one(self) -> None:
        results = run(Batch("EX1", (SEND, RECEIVE)), ended(completed=False), ended(), ended(completed=False))
        assert results[0] == Result()
        assert isinstance(results[1].failure, CmdletFailed)


class TestABatchThatIsRefused:
    def test_is_tried_one_by_one(self) -> None:
        batch = Batch("EX1", (SEND, RECEIVE))
        assert len(batch.next_statements()) == 2
        batch.refuse()
        results = run(batch, ended(output("Send")), ended())
        assert [len(result.objects) for result in results] == [1, 0]

    def test_is_not_tried_where_one_by_one_is_asked_for(self) -> None:
        batch = Batch("EX1", (SEND, RECEIVE), alone=True)
        assert batch.next_statements() == (SEND,)


class TestTheSnapIn:
    NOISE = error(id="AddPSSnapInRead", activity=SNAP_IN.cmdlet)

    def test_that_was_there_already_disturbs_nobody(self) -> None:
        """But the pipeline that it shared is asked again without it, once."""
        batch = Batch("EDGE1", (SEND, RECEIVE))
        batch.next_statements()
        batch.take(ended(output("Send"), errors=(self.NOISE,)), beside_snap_in=True)
        assert batch.next_statements() == (SEND, RECEIVE)
        batch.take(ended(output("Send")))
        assert [len(result.objects) for result in batch.results()] == [1, 0]

    def test_that_goes_on_telling_errors_is_no_reason_to_go_on_for_ever(self) -> None:
        batch = Batch("EDGE1", (SEND, RECEIVE))
        for _ in range(2):
            batch.next_statements()
            batch.take(ended(errors=(self.NOISE,)))
        assert batch.next_statements() == (SEND,)

    def test_that_is_missing_explains_the_missing_cmdlets(self) -> None:
        (result,) = run(Batch("EDGE1", (SEND,)), ended(errors=(self.NOISE, missing("Get-SendConnector"))))
        assert isinstance(result.failure, CmdletMissing)
        assert result.failure.record == self.NOISE

    def test_that_was_loaded_earlier_explains_them_too(self) -> None:
        batch = Batch("EDGE1", (SEND,), snap_in_errors=(self.NOISE,))
        (result,) = run(batch, ended(errors=(missing("Get-SendConnector"),)))
        assert isinstance(result.failure, CmdletMissing)
        assert result.failure.record == self.NOISE

    def test_that_ends_the_pipeline_lets_each_query_tell_for_itself(self) -> None:
        results = run(
            Batch("EDGE1", (SEND, RECEIVE)), ended(errors=(self.NOISE,), completed=False), ended(), ended()
        )
        assert results == (Result(), Result())

    def test_beside_a_single_query_does_not_answer_for_it(self) -> None:
        """Two statements are a batch, which a server may refuse without a name."""
        batch = Batch("EDGE1", (SEND,))
        batch.next_statements()
        batch.take(ended(errors=(error(),), completed=False), beside_snap_in=True)
        assert batch.alone
        send = output("Send")
        assert run(batch, ended(send)) == (Result((send,)),)


records = st.sampled_from(
    [
        error(),
        missing("Get-SendConnector"),
        error(activity="Get-ReceiveConnector"),
        error(activity=SNAP_IN.cmdlet),
    ]
)
pipelines = st.builds(
    Ended,
    st.booleans(),
    st.lists(st.sampled_from(["Send", "Receive", "Domain", "Other"]).map(output), max_size=3).map(tuple),
    st.lists(records, max_size=2).map(tuple),
    st.just(()),
)


@given(st.lists(pipelines, min_size=1, max_size=8))
def test_a_batch_always_comes_to_an_end(answers: list[Ended]) -> None:
    """However a server answers, each query is settled after at most one pipeline of its own."""
    batch = Batch("EX1", (SEND, RECEIVE, DOMAIN))
    taken = 0
    while batch.next_statements():
        batch.take(answers[taken % len(answers)])
        taken += 1
        assert taken <= 5
    assert len(batch.results()) == 3


@given(pipelines, st.booleans())
def test_no_list_is_believed_beside_an_error(answer: Ended, beside_snap_in: bool) -> None:
    """Unknown is not absent, and half is not whole."""
    batch = Batch("EX1", (SEND, RECEIVE))
    batch.next_statements()
    batch.take(answer, beside_snap_in=beside_snap_in)
    settled = 2 - len(batch.next_statements()) if not batch.alone else 0
    if answer.errors or not answer.completed:
        told = {SEND.cmdlet, RECEIVE.cmdlet} & {
            name for record in answer.errors for name in (record.activity, record.target)
        }
        assert settled in (0, len(told))
    else:
        assert settled in (0, 2)
