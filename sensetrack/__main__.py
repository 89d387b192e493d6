"""``python -m sensetrack`` is the ``sensetrack`` command."""

from importlib import import_module

import_module("sensetrack.cli.main").main()
