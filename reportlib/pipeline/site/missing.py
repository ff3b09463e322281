"""The page for what is not there. A server shows it at any address, of any depth.

So no relative link of it leads anywhere by itself, and no absolute one would under a prefix. It
carries its style with it, and a script finds the root of the site: what is before the first folder
of ours in the address. Without a script its links hold at the root.
"""

from reportlib.params import Report
from reportlib.pipeline.page import allowed, asset, template
from reportlib.pipeline.site.place import WAYS

PATH = "404.html"


def page(report: Report) -> str:
    """Return the page."""
    style = asset("site/404.css")
    script = asset("site/404.js")
    policy = (
        f"default-src 'none'; style-src {allowed(style)}; script-src {allowed(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return template("site/404.html.j2").render(
        report=report, policy=policy, style=style, script=script, ways=WAYS
    )
