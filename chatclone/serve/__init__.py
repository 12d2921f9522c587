"""The clone, with its memory, as an OpenAI-compatible server on this machine."""
