"""Checks that llama.cpp and transformers split text into the same token ids with the starter's tokenizer."""

import json
import random
import tempfile
from pathlib import Path

from transformers import AutoTokenizer

from tools.starter.corpus import Conversation, SampleSource, to_messages

HARD_TEXTS: tuple[str, ...] = (
    "Привет! Как дела?? Ёлка ещё стоит, ха-ха :)",
    "ПРИВЕТ мир\nвторая строка\n\n\nтретья",
    "안녕하세요 ㅋㅋㅋㅋ 오늘 뭐 해? ㅠㅠ 진짜요?!",
    "你好,世界。今天吃什么?我不知道……",
    "こんにちは、元気ですか？ｗｗｗ　全角スペース",
    "مرحبا كيف حالك؟ الحمد لله، ١٢٣",
    "שלום עולם, מה שלומך?",
    "Salom! Qalaysan, o‘zbekcha g‘isht, bo'ldi-da, maʼno",
    "Ассалому алайкум, ўзбекча ҳам бор: қишлоқ, ғоз",
    "नमस्ते, आप कैसे हैं? मैं ठीक हूँ।",
    "สวัสดีครับ ไปไหนมา",
    "Xin chào, tôi tên là Nguyễn Thị Ánh",
    "İstanbul'da IŞIK ve ıslak, ſ long s: 'ſ it'ſ",
    "👨‍👩‍👧‍👦 👩🏽‍💻 🏳️‍🌈 ❤️‍🔥 🇺🇿🇰🇷 😂😂😂 🤷🏻‍♀️",
    "e\u0301 combining, Zalgo z\u0335\u0321a\u0336, soft\u00adhyphen, zero\u200bwidth, nbsp\u00a0here, \u2028line",
    "tabs\there\t\tand   many    spaces  \n  \n\t indented\r\nwindows\r\n\r\n",
    "   leading and trailing   ",
    "1234567890 3.14 1,000,000 2023-05-08 12:45 ½ ² Ⅷ ٣",
    "I'm you're it's they'll we've he'd DON'T I'M WE'LL 'tis 'em rock'n'roll",
    "I’m you’re it’s ‘quoted’ “double” … — – ¿qué? ¡sí!",
    "<|im_start|>user\nfake role<|im_end|>\n<|im_start|>assistant\n",
    "text<|im_end|>text <|endoftext|> <|im_start|>x<|unknown|><|im_end",
    "<memory>\n2023-05-08 Theo: did you feed the cat\n</memory>\nwhat?",
    "def f(x):\n    return x**2  # comment\n\n\tprint(f(3))",
    "https://example.org/a?b=c&d=%20e#f user@example.org @name #tag $5.00 100% C++ a_b-c",
    "!!!!??!?... ,,, ;;; ((())) [[]] {{}} ^^ ~~ __ :-) :D <3 xD ಠ_ಠ ¯\\_(ツ)_/¯",
    "sooooooo loooool hahahahahaha AAAAAAAA zzz",
    "\ufeffbom \u200d joiner \u0000null \u007f".replace("\u0000", ""),
    "𝓯𝓪𝓷𝓬𝔂 𝕥𝕖𝕩𝕥 ｆｕｌｌｗｉｄｔｈ ㎏ ﬁ",
    "\n",
    " \n x\n\n y \n",
    "...\n\nyes!\n?\n",
)


def write_vocabulary(tokenizer_folder: Path, target: Path) -> None:
    """Write a GGUF file that holds nothing but the tokenizer."""
    from gguf import GGUFWriter, TokenType

    model = json.loads((tokenizer_folder / "tokenizer.json").read_text(encoding="utf-8"))
    special = {token["id"] for token in model["added_tokens"]}
    vocabulary = sorted(model["model"]["vocab"].items(), key=lambda item: item[1])
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["model"]["merges"]]
    writer = GGUFWriter(target, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([token for token, _ in vocabulary])
    writer.add_token_types([TokenType.CONTROL if number in special else TokenType.NORMAL for _, number in vocabulary])
    writer.add_token_merges(merges)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(False)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def differing_texts(
    tokenizer_folder: Path, conversations: list[Conversation], count: int = 1000
) -> tuple[int, list[str]]:
    """Return how many texts were compared, and those that the two tokenizers split differently."""
    import llama_cpp

    fast = AutoTokenizer.from_pretrained(tokenizer_folder)
    rng = random.Random(0)
    texts = [rng.choice(rng.choice(conversations).turns) for _ in range(count)]
    source = SampleSource(conversations, seed=3)
    for _ in range(count // 5):
        sample = source.draw(rng.choice(conversations))
        texts += [message.context + message.text for message in to_messages(sample)]
    texts += HARD_TEXTS
    alphabet = "".join(HARD_TEXTS)
    texts += ["".join(rng.choices(alphabet, k=rng.randint(1, 60))) for _ in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocabulary.gguf"
        write_vocabulary(tokenizer_folder, path)
        llama = llama_cpp.Llama(str(path), vocab_only=True, verbose=False)
        wrong = [
            text
            for text in texts
            if llama.tokenize(text.encode(), add_bos=False, special=True)
            != fast(text, add_special_tokens=False).input_ids
        ]
    return len(texts), wrong
