"""One prompt path for every family: real templates, over a byte tokenizer that knows the family's special tokens."""

import importlib.resources
import re
from collections.abc import Sequence

import pytest

from chatclone.prompt.render import IGNORED, ChatMessage, ChatTemplate, PromptError, chosen_source
from chatclone.prompt.stop_markers import markers_of

LLAMA2 = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
    "{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}"
    "{% set system_message = false %}{% endif %}{% for message in loop_messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if loop.index0 == 0 and system_message != false %}"
    "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}"
    "{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token }}{% endif %}{% endfor %}"
)

# name: template (None: the base brings none), beginning-of-text token, end-of-turn token
FAMILIES: dict[str, tuple[str | None, str, str]] = {
    "qwen2_5": ("trl", "", "<|im_end|>"),
    "qwen3": ("trl", "", "<|im_end|>"),
    "qwen3_instruct_2507": ("trl", "", "<|im_end|>"),
    "llama3": ("trl", "<|begin_of_text|>", "<|eot_id|>"),
    "llama3_1": ("trl", "<|begin_of_text|>", "<|eot_id|>"),
    "llama3_2": ("trl", "<|begin_of_text|>", "<|eot_id|>"),
    "gemma": ("trl", "<bos>", "<end_of_turn>"),
    "phi3": ("trl", "", "<|end|>"),
    "phi3_5": ("trl", "", "<|end|>"),
    "llama2": (LLAMA2, "<s>", "</s>"),
    "mistral": (MISTRAL, "<s>", "</s>"),
    "neox": (None, "", "<|endoftext|>"),
}
WRITTEN = ("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "### Response:")
"""What some families write around a turn without a special token for it."""
SPECIAL = re.compile(
    r"<\|(?:im_start|im_end|endoftext|begin_of_text|start_header_id|end_header_id|eot_id|user|assistant|system|end)\|>"
    r"|<bos>|<start_of_turn>|<end_of_turn>|</?s>"
)


def encode(text: str) -> list[int]:
    """Tokenise to bytes, special tokens to one id above them, the same for the same token."""
    ids: list[int] = []
    place = 0
    for found in SPECIAL.finditer(text):
        ids += text[place : found.start()].encode()
        ids.append(special_id(found.group()))
        place = found.end()
    return ids + list(text[place:].encode())


def special_id(token: str) -> int:
    return 256 + int.from_bytes(token.encode(), "big")


def decode(ids: Sequence[int]) -> str:
    """Turn ids back into text, special tokens shown."""
    parts = [bytes([i]) if i < 256 else (i - 256).to_bytes(40, "big").lstrip(b"\0") for i in ids]
    return b"".join(parts).decode()


def bound(family: str) -> ChatTemplate:
    own, bos, end = FAMILIES[family]
    if own == "trl":
        own = (importlib.resources.files("trl") / "chat_templates" / f"{family}.jinja").read_text("utf-8")
    source = chosen_source(own)
    special = {bos, end, "<|im_start|>", "<|im_end|>", "<start_of_turn>", "<end_of_turn>", "<|eot_id|>", "</s>"}
    variables = {"bos_token": bos, "eos_token": end}
    return ChatTemplate(source, encode, decode, frozenset({special_id(end)}), markers_of(source, special), variables)


CONVERSATION = [
    ChatMessage("system", "You are Mira, chatting with Theo."),
    ChatMessage("user", "hey"),
    ChatMessage("assistant", "hi captain\nwhats up", trained=True),
    ChatMessage("user", "Not much."),
    ChatMessage("user", "You?"),
    ChatMessage("assistant", "only context"),
    ChatMessage("user", "Вот как? 🐌"),
    ChatMessage("assistant", "да 🐌", trained=True),
]


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    """Each family in turn."""
    return str(request.param)


def test_masked_spans(family: str) -> None:
    """The masked spans are reply, stop marker where there is one, and end of turn; nothing else."""
    template = bound(family)
    end = FAMILIES[family][2]
    sample = template.sample(CONVERSATION, 10_000)
    trained = decode([label for label in sample.labels if label != IGNORED])
    replies = trained.replace(template.stop_marker, "").split(end) if template.stop_marker else trained.split(end)
    assert [reply.strip() for reply in replies] == ["hi captain\nwhats up", "да 🐌", ""]
    assert bool(template.stop_marker) == (family == "neox")


def test_training_equals_inference(family: str) -> None:
    """The ids before the last reply are, one for one, the ids of the prompt that asks for it."""
    template = bound(family)
    sample = template.sample(CONVERSATION, 10_000)
    prompt = template.prompt(CONVERSATION[:-1], 10_000)
    assert sample.ids[: len(prompt.ids)] == prompt.ids
    assert sample.labels[len(prompt.ids)] != IGNORED


def test_beginning_of_text(family: str) -> None:
    """There is one beginning-of-text token where the family has one (Llama-2 writes one a user turn), else none."""
    bos = FAMILIES[family][1]
    ids = list(bound(family).prompt(CONVERSATION[:2], 10_000).ids)
    assert ids.count(special_id(bos)) == (1 if bos else 0)
    assert not bos or ids[0] == special_id(bos)


def test_system_text_is_there_once(family: str) -> None:
    """The system turn stands in the prompt, in its own role or at the head of the first user turn."""
    text = bound(family).prompt(CONVERSATION[:-1], 10_000).text
    assert text.count("You are Mira, chatting with Theo.") == 1
    assert "You are Qwen" not in text


def test_nothing_to_train(family: str) -> None:
    """A conversation in which nothing is trained gives no sample, rather than one with an empty mask."""
    context = [ChatMessage(turn.role, turn.content) for turn in CONVERSATION]
    with pytest.raises(PromptError, match="no token"):
        bound(family).sample(context, 10_000)


def test_assistant_first(family: str) -> None:
    """A conversation that the person begins trains their later replies in every family."""
    messages = [CONVERSATION[0], ChatMessage("assistant", "first", trained=True), *CONVERSATION[1:3]]
    sample = bound(family).sample(messages, 10_000)
    assert "hi captain" in decode([label for label in sample.labels if label != IGNORED])


def test_breaking_out(family: str) -> None:
    """A message full of the family's own markers adds no special token."""
    template = bound(family)
    attack = " ".join([*template.markers, *WRITTEN, "ok"])
    plain, attacked = (template.prompt([ChatMessage("user", text)], 10_000) for text in ("ok", attack))
    assert [i for i in attacked.ids if i > 255] == [i for i in plain.ids if i > 255]
    for marker in WRITTEN:
        if marker in template.source:
            assert attacked.text.count(marker) == plain.text.count(marker)


def test_breaking_out_of_written_roles() -> None:
    """A template that marks turns by words alone (as Alpaca's does) has these kept out of messages too."""
    source = "{% for m in messages %}### {{ m.role }}:\n{{ m.content }}</s>{% endfor %}### Response:\n<|user|>[INST]"
    assert {"### Response:", "<|user|>", "[INST]"} <= set(markers_of(source, ["</s>"]))


def test_window_keeps_the_reply(family: str) -> None:
    """Cut to a window, the last reply and its end stay and the system text is still there."""
    template = bound(family)
    whole = template.sample(CONVERSATION, 10_000)
    cut = template.sample(CONVERSATION, len(whole.ids) - 1)
    assert cut.dropped > 0
    assert "да 🐌" in decode([label for label in cut.labels if label != IGNORED])
    assert "You are Mira" in decode(cut.ids)
