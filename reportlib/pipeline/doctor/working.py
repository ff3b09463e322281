"""Whether kernels answer, tools do their work, and params can be read."""

from __future__ import annotations  # that a Python which is too old can be told so

import json
import sys
import tempfile
import time
from pathlib import Path

from reportlib.pipeline.doctor.finding import ANEW, LONGEST, Finding, asked, last, short, this

SLOW_KERNEL = 15  # seconds; two to five are usual, most of them imports
TOOLS = {  # what is asked of each in a process of its own, and answers in a line
    "Typst": """
import typst
assert typst.compile(b"= Works").startswith(b"%PDF")
print("makes a PDF")
""",
    "Pandoc": """
import pypandoc
assert "<em>" in pypandoc.convert_text("*works*", "html5", "markdown")
print(pypandoc.get_pandoc_version(), "makes HTML")
""",
    "vl-convert": """
import vl_convert
chart = {"data": {"values": [{}]}, "mark": "point"}
assert "<svg" in vl_convert.vegalite_to_svg(chart, allowed_base_urls=[])
print("draws a chart")
""",
    "fonts": """
import pathlib, sys
from reportlib.pipeline.manuscript import FONT_PACKAGES, font_folders
folders = [[p for p in pathlib.Path(f).rglob("*") if p.suffix in {".ttf", ".otf", ".ttc"}]
           for f in font_folders()]
if len(folders) <= len(FONT_PACKAGES) or not all(folders):
    sys.exit(f"fonts are missing, our own or those of {' or '.join(FONT_PACKAGES)}")
print(sum(map(len, folders)), "files of fonts")
""",
}


def kernelspecs() -> Finding:
    """Whether both kernels are known, and are of this environment."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    from reportlib.pipeline.forks import KERNEL

    place = Path(sys.prefix, "share", "jupyter", "kernels")
    missing, foreign = [], []
    for name in ("python3", KERNEL):
        try:
            spec = KernelSpecManager().get_kernel_spec(name)
        except NoSuchKernel:
            missing.append(name)
            continue
        folder, command = Path(spec.resource_dir), Path(spec.argv[0])
        elsewhere = command.name != spec.argv[0] and command.parent != Path(sys.executable).parent
        if elsewhere or folder.resolve() != (place / name).resolve():
            foreign.append(f"{name} is that of {folder}")
    if missing:
        return Finding("kernelspecs", "fail", f"missing: {', '.join(missing)}", ANEW)
    if foreign:
        remedy = f"unset JUPYTER_PATH, or remove that folder: ours are in {short(place)}"
        return Finding("kernelspecs", "warn", "; ".join(foreign), remedy)
    return Finding("kernelspecs", "ok", f"python3 and {KERNEL}")


def kernel(longest: float = LONGEST) -> Finding:
    """Whether a warm kernel starts, as warm as it can be, and answers."""
    done = asked(
        "-c", "from reportlib.pipeline.doctor import working; working.answer()", longest=longest
    )
    if done.returncode:
        return Finding("kernel", "fail", last(done), "see to what else is wrong; then try again")
    told = json.loads(done.stdout.splitlines()[-1])
    found = f"answers after {told['seconds']:.1f} s, and started {told['way']}"
    if told["way"] == "plain" and sys.platform == "linux":
        return Finding("kernel", "warn", f"{found}: {last(done)}", "builds work, but start slower")
    if told["way"] == "plain":
        return Finding("kernel", "ok", f"{found}: libraries are safely forked on Linux only")
    if told["seconds"] > SLOW_KERNEL:
        return Finding("kernel", "warn", found, "see to imports; try when the machine is idle")
    return Finding("kernel", "ok", found)


def answer() -> None:
    """Have a warm kernel answer, and tell after how long; for a process of its own."""
    from jupyter_client.manager import start_new_kernel

    from reportlib.pipeline import forks, kernels

    started = time.perf_counter()
    with (
        tempfile.TemporaryDirectory(prefix="hbm-panorama-") as scratch,
        forks.environment(Path(scratch)),
    ):
        manager, client = start_new_kernel(kernel_name=forks.KERNEL, startup_timeout=LONGEST)
        try:
            asked = {"answer": "6 * 7"}
            reply = client.execute("", user_expressions=asked, reply=True, timeout=LONGEST)
            told = reply["content"]["user_expressions"]["answer"]["data"]["text/plain"]
            forked = isinstance(getattr(manager.provisioner, "process", None), kernels.Forked)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    if told != "42":
        sys.exit(f"a kernel says that 6 * 7 is {told}")
    way = "warm" if forked else "plain"
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - started, "way": way}) + "\n")


def tool(name: str, question: str) -> Finding:
    """Whether what a document needs does its work."""
    done = asked("-c", question)
    if done.returncode:
        return Finding(name, "fail", last(done), ANEW)
    return Finding(name, "ok", done.stdout.strip())


def numbers(params: Path) -> Finding:
    """Whether params can be read."""
    done = asked("-m", "reportlib", "check", "--params", str(params.absolute()))
    if done.returncode:
        first = done.stderr.partition("\n")[0]
        if not first or first.startswith("Traceback"):
            return Finding("params", "fail", f"cannot be read: {last(done)}", ANEW)
        remedy = f"mend them; what is wrong tells: {this('-m', 'reportlib', 'check')}"
        return Finding("params", "fail", f"{short(params)}: {first}", remedy)
    return Finding("params", "ok", f"{short(params)} can be read")
