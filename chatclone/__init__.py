"""chatclone: a persona on disk, its prompt, training, engines, export, evaluation and the terminal."""

__version__ = "0.1.0"
