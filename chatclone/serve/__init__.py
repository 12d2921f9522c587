"""The clone, memory included, as an OpenAI-compatible server on this machine."""
