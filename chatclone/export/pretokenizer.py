"""llama.cpp's name for the way a byte-level BPE tokenizer splits words, read from its tokenizer.json.

llama.cpp's converter knows tokenizers by the hash of what they make of one text; a tokenizer trained by somebody else
has another hash, though it splits as a known family does. Only the standard library is imported.
"""

from typing import Any

_CONTRACTIONS = (
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|",
    "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|",
)
_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def pre_tokenizer_name(tokenizer: dict[str, Any]) -> str | None:
    """Return the name for a parsed tokenizer.json, or None when it is of no known family."""
    # NFC, as Qwen has it, leaves alone what keyboards write; llama.cpp has no normalizer for BPE.
    normalizer = (tokenizer.get("normalizer") or {}).get("type")
    if tokenizer["model"]["type"] != "BPE" or normalizer not in (None, "NFC"):
        return None
    steps = tokenizer.get("pre_tokenizer") or {}
    steps = steps.get("pretokenizers", [steps])
    kinds = [step.get("type") for step in steps]
    if kinds == ["ByteLevel"] and steps[0].get("use_regex", True) and not steps[0].get("add_prefix_space"):
        return "gpt-2"
    if kinds != ["Split", "ByteLevel"] or steps[1].get("use_regex", True) or steps[1].get("add_prefix_space"):
        return None
    return _by_split(steps[0]["pattern"].get("Regex", ""), bool(tokenizer["model"].get("ignore_merges")))


def _by_split(regex: str, ignore_merges: bool) -> str | None:
    if regex == _GPT2:
        return "gpt-2"
    for contractions in _CONTRACTIONS:
        if regex == contractions + _WORDS + r"\p{N}" + _REST:
            return "qwen2"
        if regex == contractions + _WORDS + r"\p{N}{1,3}" + _REST:
            # The two split alike (llama.cpp, src/llama-vocab.cpp); with llama-bpe whole words need no merges.
            return "llama-bpe" if ignore_merges else "dbrx"
    return None
