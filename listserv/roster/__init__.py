"""Members in and out as CSV: read everything, check everything, then write in one transaction.

An empty cell leaves a value, `-` clears it. With a bad row nothing is imported (unless the good ones are asked for),
and every bad row is named with its line. The same file twice writes nothing. Nobody is removed without `sync`.
"""

from __future__ import annotations

from listserv.roster.export import export_csv, export_rows
from listserv.roster.importing import import_csv
from listserv.roster.reading import COLUMNS, MAX_TEXT, MODES, WRITTEN_ONLY
from listserv.roster.report import Change, Problem, Report, What

__all__ = [
    "COLUMNS",
    "MAX_TEXT",
    "MODES",
    "WRITTEN_ONLY",
    "Change",
    "Problem",
    "Report",
    "What",
    "export_csv",
    "export_rows",
    "import_csv",
]
