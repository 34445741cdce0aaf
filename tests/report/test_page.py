"""The page as text: escaping, policy, states and edge cases. What a browser makes of it: test_browser."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_campaign

from campaign.folder.json_lines import JsonlWriter
from campaign.report.build import build_report
from campaign.report.campaign_record import read_campaign
from campaign.report.captions import format_signed, format_value, with_minus_sign
from campaign.report.contents import Contents, collect_contents
from campaign.report.document import to_document
from campaign.report.markdown import block, code, text, to_markdown
from campaign.report.page import json_block, render_page

HOSTILE = (
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "<!--<script>",
    "{{ 7*7 }}{% raw %}",
    "'\"><svg onload=window.pwned=1>",
    "\u2028\u202e & &amp; \x00",
)


def _contents(folder: Path) -> Contents:
    return collect_contents(read_campaign(folder))


def _page(folder: Path) -> str:
    return render_page(_contents(folder), "/* the library */")


class _Tags(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def _tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(page)
    return parser.found


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _page(make_campaign(tmp_path_factory.mktemp("plain") / "first_light", steps=40))


def test_page_of_a_campaign_has_its_sections_and_every_run(plain: str) -> None:
    anchors = {attributes.get("id") for tag, attributes in _tags(plain) if tag == "section"}
    expected = {"conditions", "curves", "seeds", "entropy", "differences", "runs", "samples", "provenance"}
    assert anchors >= expected
    assert plain.count('class="state done"') == 6


def test_page_fetches_nothing(plain: str) -> None:
    for tag, attributes in _tags(plain):
        assert tag not in {"link", "iframe", "object", "embed", "img"}
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")


def test_page_allows_its_own_scripts_and_nothing_else(plain: str) -> None:
    policy = next(a["content"] for t, a in _tags(plain) if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert len(re.findall(r"sha256-", policy)) == 3


def test_page_has_no_inline_handlers_or_styles(plain: str) -> None:
    for _, attributes in _tags(plain):
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


def test_page_tables_have_scoped_headers_and_figures_have_names(plain: str) -> None:
    tags = _tags(plain)
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in tags if tag == "th")
    names = {attributes.get("id") for _, attributes in tags}
    labels = [attributes["aria-labelledby"] for tag, attributes in tags if tag in ("section", "figure")]
    assert labels
    assert set(labels) <= names
    ids = [attributes["id"] for _, attributes in tags if attributes.get("id")]
    assert len(ids) == len(set(ids))


def _hostile_campaign(folder: Path, evil: str) -> Path:
    make_campaign(folder, seeds=(1, 2), steps=8, generations=False)
    plan = json.loads((folder / "plan.json").read_text())
    plan["name"] = evil
    plan["provenance"] = {evil: evil}
    plan["under_test"] = [evil]
    (folder / "plan.json").write_text(json.dumps(plan))
    for run in (folder / "runs").iterdir():
        with JsonlWriter(run / "emergence" / "generations.jsonl") as writer:
            for step in range(8):
                writer.write({"step": step, "prompt": evil, "completion": evil, "reward": step % 2})
        rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        with JsonlWriter(run / "metrics.jsonl") as writer:
            for row in rows:
                writer.write({**row, f"odd {evil}": row["step"] * 1.0})
        result = next(run.glob("attempts/*/result.json"))
        result.write_text(json.dumps({"kind": "failed", "reason": evil, "traceback": ""}))
    return folder


@pytest.mark.parametrize("evil", HOSTILE)
def test_page_with_hostile_text_has_the_same_elements_as_with_harmless_text(
    tmp_path: Path, evil: str
) -> None:
    harmless = _page(_hostile_campaign(tmp_path / "a", "harmless"))
    hostile = _page(_hostile_campaign(tmp_path / "b", evil))
    kinds = [tag for tag, _ in _tags(harmless)]
    assert [tag for tag, _ in _tags(hostile)] == kinds
    assert hostile.count("<script") == 3


@given(
    st.recursive(
        st.text() | st.floats(allow_nan=False, allow_infinity=False),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_json_block_can_be_read_back_and_holds_no_markup(value: object) -> None:
    block_ = json_block(value)
    assert json.loads(block_) == value
    assert not set(block_) & set("<>&")
    assert block_.isascii()


def test_page_is_the_same_for_the_same_folder(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", steps=20)
    assert _page(folder) == _page(folder)


def test_page_of_a_running_campaign_has_a_banner_and_no_p_value(tmp_path: Path) -> None:
    folder = make_campaign(
        tmp_path / "c",
        steps=40,
        states={"grpo+none_s42": "running", "grpo+none_s101": "failed", "grpo+none_s202": "pending"},
    )
    page = _page(folder)
    assert "This campaign is not finished: 1 running, 1 pending, 1 failed" in page
    assert "not finite" in page
    assert "so far" in page
    assert not re.search(r"\bp [=<] ", re.sub(r"<script.*?</script>", "", page, flags=re.S))


@pytest.mark.parametrize(
    ("conditions", "seeds", "steps"),
    [({"only": {}}, (1,), 20), ({"only": {}}, (1, 2, 3), 20), (None, (7,), 20), (None, (7, 8), 1)],
)
def test_page_of_a_small_campaign_is_whole(
    tmp_path: Path, conditions: dict[str, dict[str, str]] | None, seeds: tuple[int, ...], steps: int
) -> None:
    folder = make_campaign(tmp_path / "c", conditions, seeds, steps)
    page = _page(folder)
    assert page.rstrip().endswith("</html>")
    json.dumps(to_document(_contents(folder)), allow_nan=False)
    to_markdown(_contents(folder))


def test_page_of_runs_with_missing_metrics_and_numbers_that_are_none(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", steps=20)
    for place, path in enumerate(sorted(folder.glob("runs/*/metrics.jsonl"))):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        path.unlink()
        with JsonlWriter(path) as writer:
            for row in rows:
                row["kl"] = float("nan")
                row["loss"] = float("inf") if row["step"] % 3 else 0.5
                if place == 0:
                    row = {"step": row["step"], "condition": row["condition"], "seed": row["seed"]}
                writer.write(row)
        with path.open("a") as file:
            file.write('{"step": 20, "loss": 0.')
    found = _contents(folder)
    assert "kl" not in [panel.name for panel in found.panels]
    assert render_page(found, "").rstrip().endswith("</html>")
    json.dumps(to_document(found), allow_nan=False)


def test_page_of_a_campaign_with_a_custom_metric_shows_it(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    for seed in (1, 2):
        with JsonlWriter(folder / "runs" / f"mine_s{seed}" / "metrics.jsonl") as writer:
            for step in range(5):
                writer.write({"step": step, "my_score": step * seed / 10})
    page = _page(folder)
    assert "my_score" in page


def test_document_is_versioned_and_carries_every_run_and_curve(tmp_path: Path) -> None:
    document = to_document(_contents(make_campaign(tmp_path / "c", steps=20)))
    assert (document["kind"], document["version"]) == ("campaign.report", 1)
    assert len(document["runs"]) == 6
    assert len(document["curves"]["correct_rate"]["grpo+none"]["step"]) == 20
    assert document["differences"] == {
        "algorithm.kl_coef": {"grpo+none": "0.0", "grpo+none~kl_coef=0.1": "0.1"}
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "\N{EN DASH}"),
        (float("nan"), "\N{EN DASH}"),
        (0.0, "0.000"),
        (0.12345, "0.123"),
        (0.00012, "0.00012"),
        (31234.5, "31,234"),
        (12.34, "12.3"),
    ],
)
def test_figure_of_a_table_is_short(value: float | None, shown: str) -> None:
    assert format_value(value) == shown


def test_signed_numbers_carry_a_true_minus() -> None:
    assert (format_signed(0.25), format_signed(-0.25)) == ("+0.250", "\N{MINUS SIGN}0.250")
    assert with_minus_sign("a-b -0.5 to -.25") == "a-b \N{MINUS SIGN}0.5 to \N{MINUS SIGN}.25"


@given(st.text(max_size=40))
def test_markdown_code_block_cannot_be_ended_by_its_text(value: str) -> None:
    lines = block(value).split("\n")
    assert lines[0].removesuffix("text") == lines[-1]
    assert all(line.strip() != lines[-1] for line in "\n".join(lines[1:-1]).splitlines())


@given(st.text(max_size=40))
def test_markdown_text_holds_no_markup(value: str) -> None:
    shown = text(value)
    assert not re.search(r"(?<!\\)(?:\\\\)*[*_<>`|\[\]]", shown)
    assert "\n" not in code(value)


def test_page_shows_the_squeezes_variance_table_and_the_proof(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", steps=10)
    ranks = [{"rank": rank, "mean_variance": 1 - 0.1 / rank, "min_variance": 0.5} for rank in (1, 4)]
    (folder / "squeeze.json").write_text(json.dumps({"rank": 8, "recommended_rank": 4, "ranks": ranks}))
    (folder / "check.json").write_text(json.dumps({"verdict": "proven"}))
    page = _page(folder)
    assert "Recommended: 4 of 8" in page
    assert "97.50 %" in page
    assert "differ between the conditions only in the fields under test" in page


@pytest.mark.parametrize(
    "document", ["{", "[]", '{"ranks": 3}', '{"ranks": [{"rank": 1}], "recommended_rank": 1}']
)
def test_page_ignores_a_malformed_squeeze_table(tmp_path: Path, document: str) -> None:
    folder = make_campaign(tmp_path / "c", steps=10)
    (folder / "squeeze.json").write_text(document)
    assert 'id="squeeze"' not in _page(folder)


def test_page_command_repeats_the_campaign_from_its_spec(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", steps=10)
    plan = json.loads((folder / "plan.json").read_text())
    plan["provenance"]["spec"] = "my specs/a.toml"
    (folder / "plan.json").write_text(json.dumps(plan))
    assert "campaign submit &#39;my specs/a.toml&#39;" in _page(folder)


def test_page_of_declared_hypotheses_shows_a_card_for_each(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", seeds=tuple(range(8)), steps=20)
    plan = json.loads((folder / "plan.json").read_text())
    claim = {
        "name": "KL hurts",
        "metric": "correct_rate",
        "direction": "lower",
        "candidate": "grpo+none~kl_coef=0.1",
    }
    plan["hypotheses"] = [claim]
    (folder / "plan.json").write_text(json.dumps(plan))
    page = _page(folder)
    assert page.count('class="card verdict') == 1
    assert "KL hurts" in page
    assert "lower is better" in page


def test_page_without_scripts_names_the_file_of_each_figure(tmp_path: Path) -> None:
    page = build_report(make_campaign(tmp_path / "c", steps=10))
    named = set(re.findall(r"<noscript>.*?<code>(figures/[\w-]+\.svg)</code>", page.read_text()))
    assert named == {f"figures/{path.name}" for path in (page.parent / "figures").glob("*.svg")}
    assert len(re.findall("<noscript>", page.read_text())) == page.read_text().count("data-figure=")
