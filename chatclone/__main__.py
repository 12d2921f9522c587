"""Lets `python -m chatclone` be the program."""

import sys

from chatclone.cli.main import main

sys.exit(main())
