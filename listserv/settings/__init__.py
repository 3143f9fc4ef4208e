"""settings.yaml -> frozen objects; every default of the program stands here.

Read once at start (`load`), reloaded on SIGHUP after a successful check. All mistakes of a file are reported at
once, each with its path in the file and, where one can be guessed, the fix. Relative paths in the file are
relative to the file.
"""

from listserv.settings.reading import SettingsError, load, parse
from listserv.settings.schema import ListSettings, Settings
from listserv.settings.values import HUB, SUFFIXES

__all__ = ["HUB", "SUFFIXES", "ListSettings", "Settings", "SettingsError", "load", "parse"]
