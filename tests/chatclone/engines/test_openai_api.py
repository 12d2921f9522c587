"""A model behind a server: what is sent, what comes back, and what happens when the server misbehaves."""

import logging
import socket
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from chatclone.clone.clone import Clone, Reply
from chatclone.engines.choose import open_engine
from chatclone.engines.endpoint import Endpoint, RemoteModel, TransientError, is_loopback
from chatclone.engines.estimated_tokens import estimating_template
from chatclone.engines.openai_api import DEFAULT_CONTEXT, OpenAIEngine, Timeouts
from chatclone.engines.protocol import Engine, EngineEvent, Piece, Reading, Sampling, Stopped
from chatclone.errors import ChatcloneError, UsageError
from chatclone.personas.persona import Persona
from chatclone.prompt.render import ChatMessage, Prompt
from tests.fakes import FakeEngine, fake_clone
from tests.servers import (
    TOKEN,
    WAIT_SECONDS,
    Deed,
    Scripted,
    delta,
    hang,
    models,
    reply,
    serving,
    status,
    stream,
    torn,
)

SAMPLING = Sampling(temperature=0.5, top_p=0.9, min_p=0.1, max_tokens=7, seed=3)
QUICK = Timeouts(connect_seconds=5, read_seconds=WAIT_SECONDS, pauses=(0.0, 0.0))


@pytest.fixture(autouse=True)
def no_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the machine's own tokens."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("CHATCLONE_API_KEY", raising=False)


def engine_at(url: str, timeouts: Timeouts = QUICK, token: str = "") -> OpenAIEngine:
    """Return an engine for the model `mira` at `url`."""
    return OpenAIEngine(Endpoint(url, token=token), "mira", timeouts=timeouts)


def prompt_of(engine: Engine, *texts: str) -> Prompt:
    """Return a prompt of a system turn and one user turn of each text."""
    turns = [ChatMessage("system", "You are Mira."), *(ChatMessage("user", text) for text in texts)]
    return engine.template.prompt(turns, engine.context)


def ask(engine: OpenAIEngine, *texts: str) -> list[EngineEvent]:
    """Return all events of a reply to `texts`."""
    return list(engine.generate(prompt_of(engine, *(texts or ("hi",))), SAMPLING, lambda: False))


def text_of(events: list[EngineEvent]) -> str:
    """Return the text of a reply."""
    return "".join(event.text for event in events if isinstance(event, Piece))


class TestReply:
    """Replies of a well-behaved server."""

    def test_pieces_arrive_as_they_were_sent(self) -> None:
        """Every chunk is a piece, also with Unicode line separators; the last event says why the reply ended."""
        with Scripted(stream(delta(""), delta("hey "), delta("you\u2028\x85"), delta("", "stop"))) as server:
            events = ask(engine_at(server.url))
        assert [e for e in events if isinstance(e, Piece)] == [Piece("hey "), Piece("you\u2028\x85")]
        assert isinstance(events[0], Reading)
        assert events[-1] == Stopped("end_of_turn")

    def test_what_is_sent(self) -> None:
        """Messages are sent, consecutive ones of a role merged, and special tokens in them are broken."""
        with Scripted(reply("ok")) as server:
            ask(engine_at(server.url, token="secret"), "hi", "you<|im_end|>")
        assert server.requests == [
            {
                "model": "mira",
                "messages": [
                    {"role": "system", "content": "You are Mira."},
                    {"role": "user", "content": "hi\nyou< |im_end|>"},
                ],
                "stream": True,
                "stream_options": {"include_usage": True},
                "temperature": 0.5,
                "top_p": 0.9,
                "min_p": 0.1,
                "max_tokens": 7,
                "seed": 3,
            }
        ]
        assert server.tokens == ["Bearer secret"]

    def test_the_length(self) -> None:
        """A truncated reply is reported, and the usage corrects the token count."""
        usage = {"choices": [], "usage": {"completion_tokens": 7}}
        with Scripted(stream(delta("a lot at once"), delta("", "length"), usage)) as server:
            events = ask(engine_at(server.url))
        assert events[-1] == Stopped("length")
        assert sum(e.tokens for e in events if isinstance(e, Piece)) == 7

    def test_the_end_is_enough(self) -> None:
        """A connection closed after the finish reason is a complete reply."""
        with Scripted(stream(delta("ok", "stop"), done=False), torn(delta("ok", "stop"))) as server:
            assert text_of(ask(engine_at(server.url))) == "ok"
            assert text_of(ask(engine_at(server.url))) == "ok"

    def test_one_at_a_time(self) -> None:
        """A second generation is refused until the first has ended or was closed."""
        with Scripted(hang(delta("he")), reply("ok")) as server:
            engine = engine_at(server.url)
            first = engine.generate(prompt_of(engine, "hi"), SAMPLING, lambda: False)
            assert isinstance(next(first), Reading)
            assert next(first) == Piece("he")
            with pytest.raises(ChatcloneError, match="still writing"):
                ask(engine)
            assert isinstance(first, Generator)
            first.close()
            assert server.left.wait(WAIT_SECONDS)
            assert text_of(ask(engine)) == "ok"


class TestAnotherTry:
    """Transient failures are retried until the first piece."""

    @pytest.mark.parametrize(
        "failure",
        [
            status(429, {"error": {"message": "busy"}}, Retry_After="0"),
            status(500, {"error": {"message": "oops"}}),
            status(503, "loading the model"),
            torn(),
            stream(done=False),
        ],
    )
    def test_passing(self, failure: Deed) -> None:
        """A busy or failing server, and one that closes the connection before the first piece, is tried again."""
        with Scripted(failure, failure, reply("ok")) as server:
            assert text_of(ask(engine_at(server.url))) == "ok"
        assert len(server.requests) == 3

    def test_in_the_end_it_is_told(self) -> None:
        """After the last try the server's message is quoted, on one line and without escape codes."""
        broken = status(500, {"error": {"message": "out of\n\x1b[31mmemory"}})
        with Scripted(broken, broken, broken) as server, pytest.raises(TransientError) as caught:
            ask(engine_at(server.url))
        assert caught.value.message == f"{server.url} answered 500: out of [31mmemory"

    def test_nobody_there(self) -> None:
        """A refused connection is an error with the address and a hint."""
        with socket.create_server(("127.0.0.1", 0)) as closed:
            url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        with pytest.raises(ChatcloneError, match=f"no connection to {url}") as caught:
            ask(engine_at(url))
        assert "start the server" in caught.value.hint

    @pytest.mark.parametrize("breaks", [torn(delta("he"), delta("y")), stream(delta("he"), delta("y"), done=False)])
    def test_not_in_the_middle(self, breaks: Deed) -> None:
        """After the first piece a failure is raised, and the text so far stays."""
        pieces = []
        with Scripted(breaks) as server, pytest.raises(ChatcloneError, match="connection"):
            engine = engine_at(server.url)
            for event in engine.generate(prompt_of(engine, "hi"), SAMPLING, lambda: False):
                pieces.append(event)
        assert text_of(pieces) == "hey"
        assert len(server.requests) == 1

    def test_silence_is_not_tried_again(self) -> None:
        """A read timeout is not retried."""
        timeouts = Timeouts(read_seconds=0.05, pauses=(0.0, 0.0))
        with Scripted(hang(headers=False)) as server, pytest.raises(ChatcloneError, match=r"sent nothing for 0\.05 s"):
            ask(engine_at(server.url, timeouts))
        assert len(server.requests) == 1


class TestCancel:
    """Cancelling closes the connection, whatever the server is doing."""

    @pytest.mark.parametrize(("deed", "written"), [(hang(headers=False), ""), (hang(), ""), (hang(delta("he")), "he")])
    def test_while_the_server_is_silent(self, deed: Deed, written: str) -> None:
        """Before the headers, before the first piece and between two."""
        with Scripted(deed) as server:
            engine = engine_at(server.url)
            events: list[EngineEvent] = []

            def cancelled() -> bool:
                return bool(server.requests) and text_of(events) == written

            for event in engine.generate(prompt_of(engine, "hi"), SAMPLING, cancelled):
                events.append(event)
            assert events[-1] == Stopped("cancelled")
            assert server.left.wait(WAIT_SECONDS)
        assert text_of(events) == written

    def test_before_another_try(self) -> None:
        """The pause between two tries can be cancelled."""
        with Scripted(status(503)) as server:
            engine = engine_at(server.url, Timeouts(pauses=(3600.0,)))
            events = list(engine.generate(prompt_of(engine, "hi"), SAMPLING, lambda: bool(server.requests)))
        assert events[-1] == Stopped("cancelled")


class TestRefusals:
    """Error messages for a server that refuses, or is something else."""

    @pytest.mark.parametrize(
        ("deed", "message", "hint"),
        [
            (status(401, {"error": {"message": "no key"}}), "requires a token", "CHATCLONE_API_KEY"),
            (status(404, {"error": {"message": "model mira not found"}}), "has no model mira", "--remote-model"),
            (status(404, {"detail": "Not Found"}), "is not the root", "--url"),
            (status(400, {"error": {"message": "maximum context length is 512"}}), "too long", "--remote-context"),
            (status(400, {"error": "bad"}), "answered 400: bad", "log"),
            (stream("<html>", kind="text/html"), "does not stream", "--url"),
            (stream("<html>"), "OpenAI's format", "--url"),
            (stream("[1]"), "OpenAI's format", "--url"),
            (stream({"error": {"message": "out of memory"}}), "reports an error: out of memory", "ask again"),
        ],
    )
    def test_message(self, deed: Deed, message: str, hint: str) -> None:
        """The error says what is wrong and what to try."""
        with Scripted(deed) as server, pytest.raises(ChatcloneError, match=message) as caught:
            ask(engine_at(server.url))
        assert hint in caught.value.hint

    def test_unknown_fields(self, caplog: pytest.LogCaptureFixture) -> None:
        """A rejected field is left out from then on, and logged."""
        refusal = status(400, {"error": {"message": "Unrecognized request argument supplied: min_p"}})
        with Scripted(refusal, reply("ok"), reply("ok")) as server, caplog.at_level(logging.WARNING):
            engine = engine_at(server.url)
            assert text_of(ask(engine)) == "ok"
            assert text_of(ask(engine)) == "ok"
        assert ["min_p" in request for request in server.requests] == [True, False, False]
        assert "does not take min_p" in caplog.text

    def test_the_newer_name_of_the_length(self) -> None:
        """OpenAI's newer models take `max_completion_tokens`."""
        message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        with Scripted(status(400, {"error": {"message": message}}), reply("ok")) as server:
            assert text_of(ask(engine_at(server.url))) == "ok"
        assert server.requests[1]["max_completion_tokens"] == 7
        assert "max_tokens" not in server.requests[1]


class TestConnect:
    """Model and context, asked from the server where they are not given."""

    @pytest.mark.parametrize(
        ("listed", "model", "context", "expected"),
        [
            (models(llama=None), "", None, ("llama", DEFAULT_CONTEXT)),
            (models(llama=8192), "", None, ("llama", 8192)),
            (models(llama=8192, mira=2048), "", None, ("mira", 2048)),
            (models(llama=8192, mira=2048), "llama", None, ("llama", 8192)),
            (models(llama=8192), "", 1024, ("llama", 1024)),
            (status(404), "llama", None, ("llama", DEFAULT_CONTEXT)),
        ],
    )
    def test_chosen(self, listed: Deed, model: str, context: int | None, expected: tuple[str, int]) -> None:
        """The user's choice comes first, then the server's."""
        with Scripted(listed) as server:
            engine = OpenAIEngine.connect(Endpoint(server.url), model, context, prefer="mira")
        assert (engine.model, engine.context) == expected

    def test_nothing_to_ask(self) -> None:
        """With both given no request is made."""
        with Scripted() as server:
            OpenAIEngine.connect(Endpoint(server.url), "llama", 2048)
        assert server.requests == []

    @pytest.mark.parametrize(
        ("listed", "message"),
        [
            (models(llama=1, qwen=1), "offers llama, qwen"),
            (status(200, "hello"), "does not say which models"),
            (status(401), "requires a token"),
            (status(404), "is not the root"),
        ],
    )
    def test_not_clear(self, listed: Deed, message: str) -> None:
        """Where several models are offered, or none is listed, the user must name one."""
        with Scripted(listed) as server, pytest.raises(ChatcloneError, match=message):
            OpenAIEngine.connect(Endpoint(server.url), prefer="mira")


class TestEndpoint:
    """Addresses and tokens."""

    @pytest.mark.parametrize(
        ("url", "root", "remote"),
        [
            ("http://localhost:8080", "http://localhost:8080/v1", ""),
            ("http://127.0.0.2:1/v1/", "http://127.0.0.2:1/v1", ""),
            ("http://[::1]:11434/v1/chat/completions", "http://[::1]:11434/v1", ""),
            ("https://api.example.org/openai/v1", "https://api.example.org/openai/v1", "api.example.org"),
            ("http://192.168.1.7:8000", "http://192.168.1.7:8000/v1", "192.168.1.7"),
        ],
    )
    def test_addresses(self, url: str, root: str, remote: str) -> None:
        """The root is found for any spelling, and whether it is another machine."""
        endpoint = Endpoint.of(url, {})
        assert (endpoint.url, endpoint.remote) == (root, remote)

    @pytest.mark.parametrize(
        "url", ["localhost:8080", "ftp://x/v1", "http://", "http://a:b@c/v1", "http://x:port/v1", "http://x/?key=1"]
    )
    def test_no_addresses(self, url: str) -> None:
        """An invalid address, or one with a password, is refused before anything is sent."""
        with pytest.raises(UsageError):
            Endpoint.of(url, {})

    def test_tokens(self) -> None:
        """CHATCLONE_API_KEY comes first; OpenAI's is not sent unencrypted; neither is in the repr."""
        both = {"OPENAI_API_KEY": "theirs", "CHATCLONE_API_KEY": " ours\n"}
        theirs = {"OPENAI_API_KEY": "theirs"}
        assert Endpoint.of("http://192.168.1.7", both).token == "ours"
        assert Endpoint.of("http://192.168.1.7", theirs).token == ""
        assert Endpoint.of("https://example.org", theirs).token == "theirs"
        assert Endpoint.of("http://localhost", theirs).token == "theirs"
        assert "ours" not in repr(Endpoint.of("http://localhost", both))
        with pytest.raises(ChatcloneError, match="CHATCLONE_API_KEY"):
            Endpoint.of("http://localhost", {"CHATCLONE_API_KEY": "kéy"})

    def test_what_leaves(self) -> None:
        """The privacy note names the host, and whether the connection is unencrypted."""
        assert "on this machine" in Endpoint.of("http://localhost", {}).privacy_note
        assert "leave this machine for x.org, unencrypted" in Endpoint.of("http://x.org", {}).privacy_note
        assert Endpoint.of("https://x.org", {}).privacy_note.endswith("leave this machine for x.org")

    def test_loopback(self) -> None:
        """Only names and addresses of this machine are loopback."""
        assert all(map(is_loopback, ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "::1"]))
        assert not any(map(is_loopback, ["0.0.0.0", "localhost.example.org", "10.0.0.1", "::", "127.0.0.1.nip.io"]))


class TestEstimate:
    """Counting without the server's tokenizer."""

    @pytest.mark.parametrize("text", ["", "a", "hello there", "안녕 ㅋㅋ", "\0\0\0\0", "🙂"])
    def test_count(self, text: str) -> None:
        """Three bytes count as a token."""
        assert len(estimating_template().encode(text)) == -(-len(text.encode()) // 3)

    def test_old_turns_go(self) -> None:
        """A conversation that is too long loses its oldest turns, but not its system turn."""
        template = estimating_template()
        turns = [ChatMessage("system", "s"), *(ChatMessage("user", f"{n} " + "x" * 90) for n in range(20))]
        kept = template.prompt(turns, 200).messages
        assert kept[0].role == "system"
        assert kept[-1] == turns[-1]
        assert 1 < len(kept) < 8


class TestChosen:
    """The engine of `--engine openai`."""

    @pytest.fixture
    def persona(self, tmp_path: Path) -> Persona:
        """A persona that was never trained."""
        return Persona(tmp_path / "personas" / "mira", "Mira")

    def test_named(self, persona: Persona, tmp_path: Path) -> None:
        """The engine is opened, and the reason names the server."""
        with Scripted(models(mira=2048)) as server:
            engine, reason = open_engine(persona, "openai", remote=RemoteModel(server.url), home=tmp_path)
        assert (engine.name, engine.model, engine.context, engine.remote) == ("openai", "mira", 2048, "")
        assert reason == f"openai: the server at {server.url}, on this machine"

    def test_remote(self, persona: Persona, tmp_path: Path) -> None:
        """`remote` names another machine; with model and context given nothing is sent yet."""
        remote = RemoteModel("https://example.org", "llama", 2048)
        engine, reason = open_engine(persona, "openai", remote=remote, home=tmp_path)
        assert engine.remote == "example.org"
        assert "leave this machine for example.org" in reason

    def test_never_by_itself(self, persona: Persona, tmp_path: Path) -> None:
        """It is chosen only with --engine openai and an address, and not with a file as model."""
        remote = RemoteModel("http://localhost")
        with pytest.raises(UsageError, match="for --engine openai"):
            open_engine(persona, remote=remote, home=tmp_path)
        with pytest.raises(UsageError, match="needs the address"):
            open_engine(persona, "openai", home=tmp_path)
        with pytest.raises(UsageError, match="is a GGUF file"):
            open_engine(persona, "openai", model=Path("x.gguf"), remote=remote, home=tmp_path)


class TestOurOwnServer:
    """The engine against `chatclone serve`."""

    @pytest.fixture
    def fake(self) -> FakeEngine:
        """The engine behind the server."""
        return FakeEngine(("he", "y\n", "you 안"), context=2000)

    @pytest.fixture
    def engine(self, fake: FakeEngine) -> Iterator[OpenAIEngine]:
        """An engine that asks our own server."""
        with serving({"mira": fake_clone(fake)}) as url:
            yield OpenAIEngine.connect(Endpoint(url, token=TOKEN), prefer="mira")

    def test_round_trip(self, engine: OpenAIEngine, fake: FakeEngine) -> None:
        """A clone here returns the reply of the clone on the server."""
        clone = Clone(Persona(Path("no-folder"), "Mira"), engine, sampling=SAMPLING)
        *_, last = clone.reply([ChatMessage("user", "hi")])
        assert isinstance(last, Reply)
        assert last.bubbles == ["hey", "you 안"]
        assert (last.stopped_by, last.reply_tokens) == ("end_of_turn", 3)
        assert engine.context == 2000
        assert fake.samplings == [SAMPLING]

    def test_wrong_token(self, engine: OpenAIEngine) -> None:
        """The hint names the variable to set."""
        with pytest.raises(ChatcloneError, match="rejects the token") as caught:
            ask(engine_at(engine._endpoint.url, token="wrong"))
        assert "CHATCLONE_API_KEY" in caught.value.hint
