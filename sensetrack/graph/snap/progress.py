"""How far ``gpt`` is, from what it prints: ``....10%....20%``, in pieces that end anywhere."""

from __future__ import annotations

import re

_STEP = re.compile(r"(?<![\d.,])\.{2,}(\d{1,3})%|(?<!\d)(\d{1,3})% done")
_LONGEST = 32


class Percent:
    """Follows the progress in a stream of text.

    Only numbers behind a row of dots count, so that a percentage in a message is not taken for progress.

    Attributes
    ----------
    done : int
        Percent, 0..100; it never falls.
    """

    def __init__(self) -> None:
        self.done = 0
        self._rest = ""

    def feed(self, text: str) -> int:
        """Take the next piece of the text and return what is done.

        Parameters
        ----------
        text : str
            What was printed since the last call.

        Returns
        -------
        int
            Percent, 0..100.
        """
        text = self._rest + text
        for match in _STEP.finditer(text):
            self.done = max(self.done, min(int(match[1] or match[2]), 100))
        self._rest = text[-_LONGEST:]
        return self.done
