"""What warm kernels have imported before they start; imported where they are forked from."""

import gc
import os
import sys

PATH = [folder for folder in sys.path if folder]  # before that of another process is put there

from contextlib import suppress  # noqa: E402

import altair as alt  # noqa: E402
import ipykernel.kernelapp  # noqa: E402, F401
import pandas as pd  # noqa: E402
from altair.utils import schemapi  # noqa: E402

import reportlib.exhibits.charts.pages  # noqa: E402
import reportlib.exhibits.tables.pages  # noqa: E402
from reportlib import frames, params  # noqa: E402, F401
from reportlib.exhibits import charts, display, tables  # noqa: E402, F401
from reportlib.exhibits.tables import editions  # noqa: E402, F401
from reportlib.pipeline import forks, pages, shell  # noqa: E402, F401

# Altair checks every part of a chart against a schema, and again the whole; authors who edit a
# notebook have it so, and what cannot be drawn fails a build anyway.
schemapi.DEBUG_MODE = False
alt.Chart(pd.DataFrame({"x": [0.0]})).mark_point().encode(x="x:Q").to_dict()  # reads a schema
with suppress(Exception):  # who builds with them tells what is wrong
    numbers = params.load()  # kept for kernels, by its content
    if os.environ.keys() >= forks.FOR_PAGES.keys():
        reportlib.exhibits.tables.pages.prepare(numbers)
        pages.begin(numbers)

gc.freeze()  # what all share is no garbage, and to look for some would copy it
