"""The site around the report: what its pages share, and all of its files but the pages' content.

`page` makes a page of an executed notebook, in any process; `assets` has what pages link to.
Addresses are relative, so that the site works under any prefix and from a disk.
"""

from reportlib.pipeline.site.assets import shared_assets
from reportlib.pipeline.site.page import page_notebook, site_page
from reportlib.pipeline.site.place import (
    NO_ADDRESS,
    Place,
    place_of,
    site_address,
    stated_address,
)
from reportlib.pipeline.site.surroundings import surroundings

__all__ = [
    "NO_ADDRESS",
    "Place",
    "page_notebook",
    "place_of",
    "shared_assets",
    "site_address",
    "site_page",
    "stated_address",
    "surroundings",
]
