"""What is held about people: given out (`export`), erased (`survey`, `erase`, `finish`), and kept no longer than it
must be (`retention`). `inventory` says of every column which of that it is subject to.

Beside the way of a post: a person, an operator or the calendar asks for it.
"""

from listserv.privacy.erasing import Survey, erase, finish, is_unfinished, survey

__all__ = ["Survey", "erase", "finish", "is_unfinished", "survey"]
