"""What moved between editions is told, all of it and nothing else, with what moved it."""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import small_params
from click.testing import CliRunner
from conftest import ROOT

from reportlib import params
from reportlib.__main__ import main
from reportlib.exhibits import claims, editions
from reportlib.exhibits.editions import TABLES, Edition, difference, edition, rows
from reportlib.exhibits.tables import editions as tables
from reportlib.pipeline import data, differences
from reportlib.pipeline.editions import EditionError, read

EVERYTHING = params.load(params.DEFAULT_ROOT)
NUMBERS = replace(EVERYTHING, measurements=EVERYTHING.measurements[::10])  # quicker
NOW = edition(NUMBERS, "now")
CHIP = "chips/chip-1.yaml"


def edit(folder, name, old, new):
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))


def changed(numbers, identifier, **values):
    """The edition in which a chip has other figures, and always had."""
    chip = numbers.chips[identifier]
    readings = {
        name: getattr(chip, name).model_copy(
            update={"value": value, "text": f"{value:g}", "superseded": ()}
        )
        for name, value in values.items()
    }
    other = chip.model_copy(update=readings)
    return replace(numbers, chips={**numbers.chips, identifier: other})


def moved(old, new):
    return difference(NOW if old is NUMBERS else edition(old, "old"), edition(new, "new"))


def git(folder, *words):
    identity = {"GIT_AUTHOR_NAME": "A", "GIT_COMMITTER_NAME": "A"}
    emails = {"GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_EMAIL": "a@example.org"}
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(
        ["git", "-C", folder, *words],
        check=True, capture_output=True, env=os.environ | identity | emails | alone,
    )  # fmt: skip


@pytest.fixture
def small(tmp_path):
    """Params of one chip, one model and one claim, with a section that has findings."""
    folder = small_params.write(tmp_path / "work")
    edit(folder, "report.yaml", "sections: {}", "sections: {10_memory_bound: {chip_id: chip-1}}")
    return folder


@pytest.fixture
def repository(small):
    """A repository with two revisions of params: in the later one the chip is faster."""
    folder = small.parent
    git(folder, "init", "-q")
    git(folder, "add", "params")
    git(folder, "commit", "-qm", "one")
    edit(small, CHIP, "3.35 TB/s", "3.9 TB/s")
    git(folder, "commit", "-qam", "two")
    return folder


def diff(*words):
    return CliRunner().invoke(main, ["diff", *map(str, words)], catch_exceptions=False)


def test_one_edited_number_is_told_with_all_that_it_moves(small, tmp_path):
    other = Path(shutil.copytree(small, tmp_path / "other"))
    edit(other, CHIP, "memory_capacity: {value: 80 GB", "memory_capacity: {value: 9 GB")

    told = difference(read(str(small), ROOT), read(str(other), ROOT))

    (number,) = told.numbers
    assert (number.id, number.quantity, number.change) == ("chip-1", "memory_capacity", "changed")
    assert (number.old, number.new) == ("80 GB", "9 GB")
    assert (number.old_source, number.new_source) == ("somewhere", "somewhere")
    assert (told.records, told.rows) == ((), ())
    (verdict,) = told.verdicts
    assert (verdict.id, verdict.old, verdict.new) == ("much", "confirmed", "refuted")
    (finding,) = told.findings
    assert finding.id == "needs"
    assert finding.numbers == ("chips by capacity: 1 → 2",)
    assert "takes 1 Chip 1" in finding.old
    assert "takes 2 Chip 1" in finding.new
    cause = "chip chip-1: memory_capacity 80 GB → 9 GB"
    assert verdict.causes == finding.causes == (cause,)


def test_findings_that_an_edited_number_moves_are_all_told():
    told = moved(NUMBERS, changed(NUMBERS, "h100-sxm5", memory_bandwidth=3.9e12))

    ours = {f.id: f for f in told.findings}
    assert {"transport", "critical-context"} <= set(ours)
    assert not {"pair", "sweep", "on-die"} & set(ours)
    assert "1,476 tokens" in ours["critical-context"].old
    assert "1,476 tokens" not in ours["critical-context"].new
    verdicts = {v.id: (v.old, v.new) for v in told.verdicts}
    assert verdicts["h100-bandwidth"] == ("confirmed", "refuted")


def test_nothing_moves_where_nothing_differs(small):
    told = diff(small, small)

    assert told.exit_code == 0
    assert told.output == f"Nothing moved from {small} to {small}.\n"
    assert not difference(NOW, NOW)


def test_of_a_record_only_the_fields_that_move_it_are_causes():
    new = changed(NUMBERS, "h100-sxm5", memory_bandwidth=4e12, power=900.0)
    told = moved(NUMBERS, new)

    assert {n.quantity for n in told.numbers} == {"memory_bandwidth", "power"}
    (causes,) = {f.causes for f in told.findings if f.id == "critical-context"}
    assert causes == ("chip h100-sxm5: memory_bandwidth 3.35 TB/s → 4e+12",)


def test_records_that_do_not_move_a_finding_are_no_causes_of_it():
    new = changed(NUMBERS, "h100-sxm5", memory_bandwidth=4e12)
    new = changed(new, "rubin-r200", memory_capacity=300e9)
    told = {f.id: f.causes for f in moved(NUMBERS, new).findings}

    assert [c.split(":")[0] for c in told["transport"]] == ["chip h100-sxm5"]
    assert [c.split(":")[0] for c in told["pair"]] == ["chip rubin-r200"]


def test_what_only_several_changes_move_says_so():
    new = changed(NUMBERS, "mi455x", memory_capacity=442e9)
    new = changed(new, "rubin-r200", memory_capacity=278e9)
    told = {v.id: v.causes for v in moved(NUMBERS, new).verdicts}

    (cause,) = told["amd-capacity"]
    assert cause == (
        "chip mi455x: memory_capacity 432 GB → 4.42e+11; together with "
        "chip rubin-r200: memory_capacity 288 GB → 2.78e+11"
    )


def test_a_claim_that_came_or_was_changed_is_its_own_cause():
    first, second, *others = NUMBERS.claims.claims
    harder = second.model_copy(update={"stated": "1 TB"})
    listed = NUMBERS.claims.model_copy(update={"claims": (harder, *others)})
    told = moved(NUMBERS, replace(NUMBERS, claims=listed))

    verdicts = {v.id: v for v in told.verdicts}
    assert verdicts[second.id].causes == (f"claim {second.id}: changed",)
    assert (verdicts[first.id].change, verdicts[first.id].new) == ("removed", "")
    assert verdicts[first.id].causes == (f"claim {first.id}: removed",)


def test_sections_and_their_parameters_are_causes_too():
    given = {**NUMBERS.report.sections["10_memory_bound"], "wanted_speed": "60"}
    sections = {**NUMBERS.report.sections, "10_memory_bound": given}
    report = NUMBERS.report.model_copy(update={"sections": sections})
    (finding,) = moved(NUMBERS, replace(NUMBERS, report=report)).findings

    assert finding.id == "needs"
    assert finding.causes == ("report.yaml: sections.10_memory_bound.wanted_speed 30 → 60",)

    shown = {k: v for k, v in sections.items() if k != "80_model_against_reality"}
    fewer = report.model_copy(update={"sections": shown})
    told = moved(replace(NUMBERS, report=report), replace(NUMBERS, report=fewer))
    (gone,) = told.findings
    assert (gone.id, gone.change, gone.new) == ("reality", "removed", "")
    assert gone.causes == ("report.yaml: sections.80_model_against_reality",)


def test_other_words_for_the_same_numbers_have_not_moved():
    findings = [row | {"sentence": "In other words"} for row in NOW.tables["findings"]]

    assert not difference(NOW, Edition("reworded", {**NOW.tables, "findings": findings}))


def test_numbers_that_move_under_the_same_words_are_told():
    findings = [
        row | ({"value": "1476.3"} if row["quantity"] == "critical context" else {})
        for row in NOW.tables["findings"]
    ]
    (finding,) = difference(NOW, Edition("other", {**NOW.tables, "findings": findings})).findings

    assert finding.old == finding.new
    assert finding.numbers == ("critical context: 1,476.17 tokens → 1,476.3 tokens",)
    assert finding.causes == ("not known from builds alone",)


def test_an_earlier_reading_that_changes_is_told_as_such():
    chip = NUMBERS.chips["mi455x"]
    (then,) = chip.memory_bandwidth.superseded
    other = then.model_copy(update={"value": 18e12, "text": "18 TB/s"})
    reading = chip.memory_bandwidth.model_copy(update={"superseded": (other,)})
    edited = chip.model_copy(update={"memory_bandwidth": reading})
    told = moved(NUMBERS, replace(NUMBERS, chips={**NUMBERS.chips, "mi455x": edited}))

    (number,) = told.numbers
    assert number.change == editions.EARLIER
    (verdict,) = [v for v in told.verdicts if v.id == "mi455x-bandwidth"]
    assert (verdict.old, verdict.new) == ("true when written", "refuted")
    assert verdict.causes == ("chip mi455x: memory_bandwidth",)


def test_days_are_editions_of_the_same_params():
    then = edition(NUMBERS.edition(date(2026, 3, 1)), "2026-03-01")
    told = difference(then, NOW)

    verdicts = {v.id: (v.old, v.new) for v in told.verdicts}
    assert verdicts["mi455x-bandwidth"] == ("confirmed", "true when written")
    later = {r["id"] for r in NOW.tables["claims"] if r["verdict"] == "true when written"}
    assert later <= set(verdicts)
    added = {record.id for record in told.records if record.change == "added"}
    assert "tpu-8t" in added
    assert "llama-2-70b" not in added  # it has no date
    assert ("measurements", 0) in {(r.table, r.removed) for r in told.rows}
    assert {n.id for n in told.numbers} >= {"mi455x", "rubin-r200"}


def test_a_day_is_read_of_the_params_asked_for(small):
    told = diff("--params", small, "2025-08-31", "2025-09-01")

    assert told.exit_code == 0
    assert "chip chip-1 memory_bandwidth: 3 TB/s → 3.35 TB/s" in told.output
    assert "because of chip chip-1: memory_bandwidth 3 TB/s → 3.35 TB/s" in told.output


def test_an_edition_of_a_day_is_of_that_day_and_has_what_has_no_date():
    then = NUMBERS.edition(date(2026, 3, 1))

    assert then.report.as_of == date(2026, 3, 1)
    assert NUMBERS.dated().on(date(2026, 3, 1)).models.items() < then.models.items()
    assert "tpu-8t" not in then.chips


def test_the_earlier_day_of_the_appendix_is_that_of_the_report_or_of_the_claims():
    for named, day in ((date(2025, 1, 1), date(2025, 1, 1)), (None, NUMBERS.claims.as_of)):
        report = NUMBERS.report.model_copy(update={"previous": named})
        assert replace(NUMBERS, report=report).previous == day


def test_a_revision_is_read_without_touching_the_work_tree(repository):
    edit(repository / "params", CHIP, "80 GB", "81 GB")  # not committed
    before = {p: p.stat().st_mtime_ns for p in repository.rglob("*") if ".git" not in p.parts}

    told = diff("--params", repository / "params", "--json", "HEAD~1", "HEAD")

    assert told.exit_code == 0, told.output
    (number,) = json.loads(told.output)["numbers"]
    assert (number["old"], number["new"]) == ("3.35 TB/s", "3.9 TB/s")
    after = {p: p.stat().st_mtime_ns for p in repository.rglob("*") if ".git" not in p.parts}
    assert before == after


def test_a_revision_and_a_folder_can_be_compared(repository):
    edit(repository / "params", CHIP, "80 GB", "81 GB")

    told = diff("--params", repository / "params", "HEAD", repository / "params")

    assert "chip chip-1 memory_capacity: 80 GB → 81 GB" in told.output
    assert "3.9 TB/s" not in told.output


def test_a_revision_of_the_repository_of_the_tests_environment_is_not_meant(
    repository, monkeypatch
):
    monkeypatch.setenv("GIT_DIR", str(repository / "nowhere"))

    assert diff("--params", repository / "params", "HEAD~1", "HEAD").exit_code == 0


@pytest.mark.parametrize(
    "text", ["--output=stolen", "-O", "--upload-pack=touch stolen", "--", "", "HEAD;touch stolen",
             "$(touch stolen)", "HEAD --output=stolen", "ext::sh -c touch% stolen", "x" * 5000],
)  # fmt: skip
def test_hostile_names_of_revisions_run_nothing(repository, monkeypatch, text):
    monkeypatch.chdir(repository)

    told = diff("--params", repository / "params", "--", text, "HEAD")

    assert told.exit_code == 1
    assert "revision" in told.output
    assert {p.name for p in repository.iterdir()} == {".git", "params"}


def test_a_revision_with_a_link_that_leads_out_is_refused(repository, tmp_path):
    (tmp_path / "secret.yaml").write_text("name: Secret\n")
    (repository / "params" / "chips" / "leak.yaml").symlink_to(tmp_path / "secret.yaml")
    git(repository, "add", "params")
    git(repository, "commit", "-qm", "three")
    (repository / "params" / "chips" / "leak.yaml").unlink()

    told = diff("--params", repository / "params", "HEAD", repository / "params")

    assert told.exit_code == 1
    assert "its files cannot be taken out safely" in told.output
    assert "Secret" not in told.output


def test_a_revision_that_cannot_be_read_says_what_is_wrong(repository):
    edit(repository / "params", CHIP, "name: Chip 1", "nickname: Chip 1")
    git(repository, "commit", "-qam", "three")

    told = diff("--params", repository / "params", "HEAD~1", "HEAD")

    assert told.exit_code == 1
    assert told.output.startswith("HEAD: this version cannot read these params, ")
    assert "params/chips/chip-1.yaml:" in told.output
    assert "compare the builds" in told.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-13-01", "no folder, no day as 2026-03-01, and no revision"),
        ("no-such-branch", "no folder, no day as 2026-03-01, and no revision"),
        ("empty", "neither params (no report.yaml) nor a build (no data)"),
        ("halfbuilt", "data/numbers.csv: cannot be read (No such file or directory); build"),
        ("oldbuilt", "data/numbers.csv: has no kind, low"),
    ],
)
def test_what_is_not_found_is_named_with_the_remedy(repository, monkeypatch, text, said):
    for name in ("empty", "halfbuilt/data", "oldbuilt/data"):
        (repository / name).mkdir(parents=True)
    few = set(editions.COLUMNS["numbers"]) - {"kind", "low"}
    (repository / "oldbuilt" / "data" / "numbers.csv").write_text(
        f"{','.join(sorted(few))}\n{',' * (len(few) - 1)}\n"
    )
    monkeypatch.chdir(repository)

    told = diff("--params", repository / "params", text, "HEAD")

    assert told.exit_code == 1
    assert said in told.output


def test_params_outside_of_a_repository_have_no_revisions(small):
    with pytest.raises(EditionError, match="no revision of the repository"):
        read("HEAD", small)


def write_build(folder, numbers):
    for name, content in data.files(numbers).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_builds_are_compared_by_their_data_alone(tmp_path):
    new = changed(NUMBERS, "h100-sxm5", memory_bandwidth=2e12)
    folders = [write_build(tmp_path / n, e) for n, e in (("a", NUMBERS), ("b", new))]

    built = difference(*(read(str(folder), ROOT / "params") for folder in folders))
    computed = moved(NUMBERS, new)

    assert built.numbers == computed.numbers
    assert tuple(replace(v, causes=()) for v in built.verdicts) == tuple(
        replace(v, causes=()) for v in computed.verdicts
    )
    assert tuple(replace(f, causes=()) for f in built.findings) == tuple(
        replace(f, causes=()) for f in computed.findings
    )
    causes = {x.id: x.causes for x in (*built.verdicts, *built.findings)}
    assert causes["h100-bandwidth"] == ("chip h100-sxm5: memory_bandwidth 3.35 TB/s → 2e+12",)
    assert causes["verdicts"] == ("not known from builds alone",)
    assert "changed of what it names:" in "\n".join(differences.as_text(built))
    assert "because of" in "\n".join(differences.as_text(computed))


def test_an_edition_says_what_its_build_writes():
    files = data.files(NUMBERS)

    for name in TABLES:
        assert rows(files[f"data/{name}.csv"].decode()) == NOW.tables[name], name


def test_the_three_forms_say_the_same():
    told = moved(changed(NUMBERS, "wse-3", memory_capacity=1e12), NUMBERS)
    text, markdown = "\n".join(differences.as_text(told)), "\n".join(differences.as_markdown(told))

    assert told.verdicts
    for verdict in told.verdicts:
        assert verdict.statement in text
        assert f"**{verdict.old}** → **{verdict.new}**" in markdown
    for finding in told.findings:
        assert finding.new in text
    assert "memory_capacity" in text
    assert "memory\\_capacity" in markdown


def test_what_a_terminal_or_a_page_would_obey_is_disarmed():
    hostile = "\x1b[2J<script>alert(1)</script> @everyone |"
    shown = {**NOW.tables, "claims": [row | {"verdict": hostile} for row in NOW.tables["claims"]]}
    told = difference(NOW, Edition(hostile, shown))

    assert "\x1b" not in "".join(differences.as_text(told))
    markdown = "".join(differences.as_markdown(told)[:2])
    assert "<script>" not in markdown.replace("\\<", "")
    assert "@everyone" not in markdown


def test_both_forms_at_once_are_refused():
    assert diff("--json", "--markdown", "a", "b").exit_code == 2


def test_verdicts_that_moved_are_those_of_the_table_of_claims():
    new = changed(NUMBERS, "wse-3", memory_capacity=88e9)
    before, after = (claims.table(e).set_index("id")["verdict"] for e in (NUMBERS, new))

    assert {v.id for v in moved(NUMBERS, new).verdicts} == set(before.index[before != after])


def test_the_appendix_tells_what_moved_since_the_earlier_day():
    moved = tables.since(NUMBERS)
    told = tables.verdicts(moved, NUMBERS)

    assert (moved.old, moved.new) == (str(NUMBERS.previous), "this edition")
    row = told[told["statement"].str.contains("19.6 TB/s")].iloc[0]
    assert (row["old"], row["new"]) == ("confirmed", "true when written")
    assert row["causes"] == "MI455X: memory bandwidth 19.6 TB/s → 23.3 TB/s"
    assert {i.split()[1] for i in tables.came(moved)} >= {"chips", "models", "measurements"}
    changed = tables.numbers(moved)
    assert set(changed["name"]) >= {"MI455X", "Rubin R200"}
    assert changed["quantity"].str.contains("memory bandwidth").sum() >= 2
    assert not changed["quantity"].str.contains(r"[_.]").any()


@pytest.mark.parametrize("day", [date(2026, 3, 1), date(2020, 6, 1)])
def test_an_edition_that_is_not_later_has_nothing_that_moved(day):
    then = NUMBERS.edition(day)

    assert not tables.since(then)
    assert tables.came(tables.since(then)) == []
    assert tables.verdicts(tables.since(then), then).empty
