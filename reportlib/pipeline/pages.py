"""Pages of the site: one a chip, a model and a pair of chips, each from a notebook."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["chip", "model", "compare"]


@dataclass(frozen=True)
class PageInfo:
    """What indexes, search and feeds tell of a page."""

    path: str  # from the root of the site, as chips/h100-sxm5.html
    kind: Kind
    name: str  # as readers know it: H100 SXM, or A100 against H100
    title: str
    description: str  # one sentence
    keywords: str  # further words to find it by
