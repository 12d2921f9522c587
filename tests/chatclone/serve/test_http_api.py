"""`chatclone serve`, tested with OpenAI's own client and with raw requests."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from chatclone.engines.protocol import Cancelled, EngineEvent, Sampling, Stopped
from chatclone.errors import ChatcloneError, UsageError
from chatclone.prompt.render import Prompt, PromptError
from chatclone.serve.http_api import LARGEST_BODY
from chatclone.serve.server import choose_token, listening
from memory.search.recall import Hit
from tests.fakes import FakeEngine, fake_clone
from tests.servers import TOKEN, WAIT_SECONDS, client, serving

HIT = Hit(7, 1_700_000_000, "Mira", "2023-11-14 Mira: a cat!!", 0.5, "Anna")


class WatchedEngine(FakeEngine):
    """Also records how each reply ended."""

    def __init__(self, *replies: Sequence[str | Exception]) -> None:
        super().__init__(*replies, hold=True)
        self.ended: list[Stopped] = []

    def generate(self, prompt: Prompt, sampling: Sampling, cancelled: Cancelled) -> Iterator[EngineEvent]:
        """Write the next reply."""
        for event in super().generate(prompt, sampling, cancelled):
            yield event
            if isinstance(event, Stopped):
                self.ended.append(event)


HI: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]


@pytest.fixture
def fake() -> FakeEngine:
    """The engine behind the persona `mira`."""
    return FakeEngine(("he", "y\n", "안녕\u2028 "))


@pytest.fixture
def held() -> WatchedEngine:
    """The engine behind the persona `slow`, which writes when a test lets it."""
    return WatchedEngine(("a", "b"), ("c",), ("d",))


@pytest.fixture
def url(fake: FakeEngine, held: WatchedEngine) -> Iterator[str]:
    """A server with both personas, with at most two waiting requests each."""
    clones = {"mira": fake_clone(fake, HIT), "slow": fake_clone(held)}
    with serving(clones, most_waiting=2) as address:
        yield address


@pytest.fixture
def api(url: str) -> Iterator[openai.OpenAI]:
    """OpenAI's client with the right token."""
    with client(url) as opened:
        yield opened


def until(happened: Callable[[], bool]) -> None:
    """Wait until another thread has done something."""
    pause = threading.Event()
    for _ in range(int(WAIT_SECONDS / 0.01)):
        if happened():
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen")


def post(url: str, **request: Any) -> httpx2.Response:
    """Send a raw request."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx2.Client(trust_env=False, headers=headers, timeout=WAIT_SECONDS) as http:
        return http.post(f"{url}/chat/completions", **request)


class TestModels:
    """One model a persona."""

    def test_listed(self, api: openai.OpenAI) -> None:
        """Every persona is listed by its folder's name, with its context in vLLM's field."""
        listed = list(api.models.list())
        assert [model.id for model in listed] == ["mira", "slow"]
        assert listed[0].to_dict()["max_model_len"] == 4096
        assert api.models.retrieve("slow").owned_by == "chatclone"

    def test_unknown(self, api: openai.OpenAI) -> None:
        """Another name is not found, neither in the list nor for a reply."""
        with pytest.raises(openai.NotFoundError):
            api.models.retrieve("gpt-4o")
        with pytest.raises(openai.NotFoundError) as caught:
            api.chat.completions.create(model="gpt-4o", messages=HI)
        assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


class TestWhole:
    """Answers without streaming."""

    def test_reply(self, api: openai.OpenAI, fake: FakeEngine) -> None:
        """It has the text, the finish reason, the usage, and the memory used."""
        done = api.chat.completions.create(model="mira", messages=HI)
        assert done.choices[0].message.content == "hey\n안녕"
        assert (done.choices[0].finish_reason, done.model) == ("stop", "mira")
        assert done.usage is not None
        assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (len(fake.prompts[0].ids), 3)
        own: Any = done.to_dict()["chatclone"]
        assert [hit["text"] for hit in own["memory"]] == [HIT.text]
        assert own["ignored"] == []

    def test_the_persona_stays(self, api: openai.OpenAI, fake: FakeEngine) -> None:
        """A client's system message does not replace the persona's, and is listed as ignored."""
        messages: list[ChatCompletionMessageParam] = [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "hey"},
            {"role": "user", "content": [{"type": "text", "text": "how"}, {"type": "text", "text": "are you"}]},
        ]
        done = api.chat.completions.create(model="mira", messages=messages, stop=["x"], user="", logprobs=False)
        sent = fake.prompts[0].messages
        assert [m.role for m in sent] == ["system", "user", "assistant", "user"]
        assert "helpful" not in sent[0].content
        assert "Mira" in sent[0].content
        assert sent[-1].content.endswith("how\nare you")
        own: Any = done.to_dict()["chatclone"]
        assert own["ignored"] == ["stop", "system message"]

    def test_sampling(self, api: openai.OpenAI, fake: FakeEngine) -> None:
        """A request's sampling applies to its reply only; half of the context stays for the prompt."""
        api.chat.completions.create(
            model="mira", messages=HI, temperature=0, top_p=0.5, seed=-1, max_tokens=9, extra_body={"min_p": 0.2}
        )
        api.chat.completions.create(model="mira", messages=HI, max_completion_tokens=10**9)
        first, second = fake.samplings
        assert (first.temperature, first.top_p, first.min_p, first.max_tokens) == (0.0, 0.5, 0.2, 9)
        assert first.seed == 2**31 - 1
        assert (second.temperature, second.max_tokens, second.seed) == (Sampling().temperature, 2048, None)


class TestStream:
    """Streamed answers."""

    def test_chunks(self, api: openai.OpenAI) -> None:
        """Pieces come one by one, then the finish reason with the memory used, then the usage."""
        chunks = list(
            api.chat.completions.create(model="mira", messages=HI, stream=True, stream_options={"include_usage": True})
        )
        deltas = [chunk.choices[0].delta for chunk in chunks[:-1]]
        assert [d.content for d in deltas] == ["", "he", "y\n", "안녕\u2028 ", None]
        assert deltas[0].role == "assistant"
        assert [c.choices[0].finish_reason for c in chunks[:-1]] == [None, None, None, None, "stop"]
        own: Any = chunks[-2].to_dict()["chatclone"]
        assert own["memory"][0]["id"] == 7
        assert chunks[-1].choices == []
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.completion_tokens == 3
        assert len({chunk.id for chunk in chunks}) == 1

    def test_while_it_is_written(self, api: openai.OpenAI, held: WatchedEngine) -> None:
        """A piece arrives before the next one is written."""
        held.release()
        stream = api.chat.completions.create(model="slow", messages=HI, stream=True)
        seen = ""
        for chunk in stream:
            piece = chunk.choices[0].delta.content or ""
            seen += piece
            if piece == "a":
                held.release()
        assert seen == "ab"

    def test_an_error_in_the_middle(self, api: openai.OpenAI, fake: FakeEngine) -> None:
        """The error follows the text, as OpenAI's client expects it."""
        fake.enqueue("he", ChatcloneError("out of memory", "use a smaller model"))
        api.chat.completions.create(model="mira", messages=HI)
        seen = []
        with pytest.raises(openai.APIError, match="out of memory"):
            for chunk in api.chat.completions.create(model="mira", messages=HI, stream=True):
                seen.append(chunk.choices[0].delta.content)
        assert seen == ["", "he"]


class TestLeaving:
    """A client that disconnects cancels its reply, and the next one starts."""

    @pytest.mark.parametrize("stream", [True, False])
    def test_before_the_first_piece(self, url: str, held: WatchedEngine, stream: bool) -> None:
        """The engine is stopped before its first piece."""
        body = json.dumps({"model": "slow", "messages": HI, "stream": stream}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        with socket.create_connection(("127.0.0.1", int(url.split(":")[2].removesuffix("/v1")))) as connection:
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            until(lambda: len(held.prompts) == 1)
        until(lambda: held.ended == [Stopped("cancelled")])
        held.release()
        with client(url) as api:
            assert api.chat.completions.create(model="slow", messages=HI).choices[0].message.content == "c"

    def test_in_the_middle(self, api: openai.OpenAI, held: WatchedEngine) -> None:
        """A closed stream is cancelled."""
        held.release()
        with api.chat.completions.create(model="slow", messages=HI, stream=True) as stream:
            assert [next(stream).choices[0].delta.content for _ in range(2)] == ["", "a"]
        until(lambda: held.ended == [Stopped("cancelled")])
        held.release()
        assert api.chat.completions.create(model="slow", messages=HI).choices[0].message.content == "c"

    def test_while_waiting(self, url: str, held: WatchedEngine) -> None:
        """A waiting client that disconnects leaves the queue."""
        with client(url) as api, ThreadPoolExecutor() as threads:
            first = threads.submit(api.chat.completions.create, model="slow", messages=HI)
            until(lambda: len(held.prompts) == 1)
            for _ in range(5):
                with pytest.raises(openai.APITimeoutError):
                    api.with_options(timeout=0.2).chat.completions.create(model="slow", messages=HI)
            held.release(2)
            assert first.result().choices[0].message.content == "ab"
        assert len(held.prompts) == 1


class TestTurns:
    """One reply at a time for each persona."""

    def test_the_next_waits(self, api: openai.OpenAI, held: WatchedEngine) -> None:
        """Of four at once one is answered, two wait and one is refused; another persona answers at once."""

        def content() -> str | None:
            return api.chat.completions.create(model="slow", messages=HI).choices[0].message.content

        with ThreadPoolExecutor() as threads:
            asked = [threads.submit(content) for _ in range(4)]
            until(lambda: any(a.done() for a in asked))
            refused = next(a for a in asked if a.done()).exception()
            assert isinstance(refused, openai.RateLimitError)
            assert refused.code == "queue_full"
            assert refused.response.headers["Retry-After"].isdecimal()
            assert api.chat.completions.create(model="mira", messages=HI).choices[0].message.content
            assert len(held.prompts) == 1
            held.release(4)
            assert sorted(str(a.result()) for a in asked if not a.exception()) == ["ab", "c", "d"]


class TestRefusals:
    """Errors in OpenAI's shape."""

    @pytest.mark.parametrize("token", ["wrong", "", TOKEN + "x", TOKEN[:-1], "ключ"])
    def test_token(self, url: str, token: str) -> None:
        """Without the token every path answers 401."""
        headers = {b"Authorization": f"Bearer {token}".encode()} if token else {}
        with httpx2.Client(trust_env=False, timeout=WAIT_SECONDS) as http:
            for path in ("/models", "/nowhere"):
                answer = http.get(url + path, headers=headers)
                assert answer.status_code == 401
                assert answer.json()["error"]["code"] == "invalid_api_key"

    @pytest.mark.parametrize(
        ("fields", "param"),
        [
            ({"messages": []}, "messages"),
            ({"messages": "hi"}, "messages"),
            ({"messages": ["hi"]}, "messages"),
            ({"messages": [{"role": "tool", "content": "x"}]}, "messages"),
            ({"messages": [{"role": "user", "content": " "}]}, "messages"),
            ({"messages": [{"role": "user", "content": 1}]}, "messages"),
            ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages"),
            ({"messages": [*HI, {"role": "assistant", "content": "x"}]}, "messages"),
            ({"temperature": 3}, "temperature"),
            ({"temperature": "hot"}, "temperature"),
            ({"top_p": True}, "top_p"),
            ({"max_tokens": 0}, "max_tokens"),
            ({"seed": 1.5}, "seed"),
            ({"n": 2}, "n"),
        ],
    )
    def test_fields(self, url: str, fields: dict[str, Any], param: str) -> None:
        """The invalid field is named."""
        answer = post(url, json={"model": "mira", "messages": HI} | fields)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
        assert answer.json()["error"]["type"] == "invalid_request_error"

    @pytest.mark.parametrize("body", [b"", b"hi", b"[]", b"\xff", b"[" * 100_000])
    def test_no_json(self, url: str, body: bytes) -> None:
        """A body that is not a JSON object is refused."""
        answer = post(url, content=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")

    def test_too_large(self, url: str) -> None:
        """A body that is too large is refused, also without Content-Length."""
        answer = post(url, content=iter([b" " * 100_000] * (LARGEST_BODY // 100_000 + 1)))
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")

    def test_paths(self, url: str) -> None:
        """Unknown paths and methods are refused in the same shape, and there are no CORS headers."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Origin": "http://evil.example"}
        with httpx2.Client(trust_env=False, timeout=WAIT_SECONDS, headers=headers) as http:
            assert http.get(f"{url}/nowhere").json()["error"]["code"] == "not_found"
            assert http.get(f"{url}/chat/completions").status_code == 405
            assert "access-control-allow-origin" not in http.get(f"{url}/models").headers

    @pytest.mark.parametrize(
        ("failure", "code", "told"),
        [
            (ChatcloneError("out of memory", "use a smaller model"), "engine_failed", "out of memory"),
            (PromptError("the last turn alone is too long"), "unusable_conversation", "too long"),
            (RuntimeError("they said SECRET"), "internal_error", "log"),
        ],
    )
    def test_failures(
        self, url: str, fake: FakeEngine, caplog: pytest.LogCaptureFixture, failure: Exception, code: str, told: str
    ) -> None:
        """Errors for the user are returned; a bug is logged without its text, which may quote a chat."""
        fake.enqueue(failure)
        ask = {"model": "mira", "messages": [{"role": "user", "content": "WORDS"}]}
        post(url, json=ask)
        with caplog.at_level(logging.DEBUG):
            error = post(url, json=ask).json()["error"]
        assert error["code"] == code
        assert told in error["message"]
        assert "SECRET" not in caplog.text + str(error)
        assert "WORDS" not in caplog.text
        assert ("RuntimeError" in caplog.text) == (code == "internal_error")


class TestStart:
    """The address and the token."""

    @pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "example.org", "::", ""])
    def test_only_this_machine(self, host: str) -> None:
        """Any other address must be asked for explicitly."""
        with pytest.raises(UsageError, match="other machines") as caught, listening(host, 0):
            pass
        assert "--allow-remote" in caught.value.hint

    def test_allowed(self) -> None:
        """With --allow-remote it listens there."""
        with listening("0.0.0.0", 0, allow_remote=True) as (listener, _):
            assert listener.getsockname()[0] == "0.0.0.0"

    def test_port_in_use(self) -> None:
        """A port in use is an error."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(ChatcloneError, match=f"port {port}") as caught, listening("127.0.0.1", port):
                pass
        assert "--port" in caught.value.hint

    @pytest.mark.parametrize("port", [-1, 99_999])
    def test_no_port(self, port: int) -> None:
        """An invalid port is an error, not a traceback."""
        with pytest.raises(ChatcloneError), listening("127.0.0.1", port):
            pass

    def test_token(self) -> None:
        """The token is the environment's, or a new one each time; a weak one is refused."""
        assert choose_token({"CHATCLONE_SERVE_TOKEN": TOKEN}) == (TOKEN, False)
        first, second = choose_token({}), choose_token({})
        assert first[1] and second[1] and first[0] != second[0]
        assert len(first[0]) >= 32
        for weak in ("short", "with spaces in between", "schlüssel-schlüssel"):
            with pytest.raises(ChatcloneError, match="CHATCLONE_SERVE_TOKEN"):
                choose_token({"CHATCLONE_SERVE_TOKEN": weak})
