"""The files of a report, the command that writes them, and campaigns from Python."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from synthetic import make_campaign
from typer.testing import CliRunner

import campaign
from campaign.cli.app import app
from campaign.errors import UsageError
from campaign.report.build import build_report

MEBIBYTE = 2**20


def test_build_report_writes_page_text_document_and_figures(report_page: Path) -> None:
    folder = report_page.parent
    assert {path.name for path in folder.iterdir()} == {"index.html", "report.md", "report.json", "figures"}
    assert report_page.stat().st_size < 6 * MEBIBYTE
    linked = set(re.findall(r"\(figures/([\w-]+\.svg)\)", (folder / "report.md").read_text()))
    drawn = {path.name for path in (folder / "figures").iterdir()}
    assert drawn == linked | {name.replace(".svg", ".pdf") for name in linked}
    for path in (folder / "figures").glob("*.svg"):
        svg = path.read_text()
        assert svg.startswith("<svg")
        assert "var(--" not in svg
    assert json.loads((folder / "report.json").read_text())["kind"] == "campaign.report"


def test_figures_as_pdf_are_one_page_with_their_fonts(report_page: Path) -> None:
    for path in (report_page.parent / "figures").glob("*.pdf"):
        data = path.read_bytes()
        assert data.startswith(b"%PDF-")
        assert data.count(b"/Type /Page\n") + data.count(b"/Type/Page ") + data.count(b"/Type /Page ") == 1
        assert b"/FontFile" in data


def test_figure_that_changed_is_drawn_as_pdf_again(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", steps=10)
    figures = build_report(folder).parent / "figures"
    before = {path.name: path.read_bytes() for path in figures.glob("*.pdf")}
    metrics = next((folder / "runs").iterdir()) / "metrics.jsonl"
    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    metrics.write_text("".join(json.dumps({**row, "correct_rate": 0.01}) + "\n" for row in rows))
    build_report(folder)
    assert (figures / "correct-rate.pdf").read_bytes() != before["correct-rate.pdf"]
    assert (figures / "exec-entropy-var.pdf").read_bytes() == before["exec-entropy-var.pdf"]


def test_build_report_embeds_the_charting_library_once(report_page: Path) -> None:
    page = report_page.read_text()
    assert page.count("window.vegaEmbed=") == 1
    assert page.count("<script") == 3


def test_build_report_twice_gives_the_same_bytes(report_page: Path) -> None:
    before = {path: path.read_bytes() for path in report_page.parent.rglob("*") if path.is_file()}
    build_report(report_page.parent.parent)
    assert {path: path.read_bytes() for path in report_page.parent.rglob("*") if path.is_file()} == before


def test_build_report_of_no_campaign_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        build_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_report_command_prints_the_path_of_the_page(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", steps=10)
    result = CliRunner().invoke(app, ["report", str(folder), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(tmp_path / "out" / "index.html")
    assert (tmp_path / "out" / "index.html").is_file()


@pytest.mark.parametrize("flags", [["--json"], ["--format", "json"]])
def test_report_command_prints_one_json_document(tmp_path: Path, flags: list[str]) -> None:
    folder = make_campaign(tmp_path / "c", steps=10)
    result = CliRunner().invoke(app, ["report", str(folder), *flags])
    assert json.loads(result.stdout)["campaign"] == "c"
    assert not (folder / "report").exists()


def test_report_command_finds_a_campaign_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_campaign(tmp_path / "mine", steps=10)
    monkeypatch.setenv("CAMPAIGN_DIR", str(tmp_path))
    result = CliRunner().invoke(app, ["report", "mine", "--format", "md"])
    assert result.stdout.startswith("# mine\n")


def test_report_command_of_an_unknown_campaign_names_the_known_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_campaign(tmp_path / "mine", steps=10)
    monkeypatch.setenv("CAMPAIGN_DIR", str(tmp_path))
    result = CliRunner().invoke(app, ["report", "other"])
    assert isinstance(result.exception, UsageError)
    assert "mine" in str(result.exception)


def test_open_gives_runs_metrics_verdicts_and_plots(tmp_path: Path) -> None:
    found = campaign.open(make_campaign(tmp_path / "c", steps=20))
    assert [run.id for run in found.runs][:1] == ["grpo+none_s42"]
    frame = found.metrics()
    assert frame.height == 120
    assert frame.columns[:3] == ["condition", "seed", "step"]
    (verdict,) = found.verdicts()
    assert verdict.exploratory
    for chart in (found.plot("correct_rate"), found.plot_differences(), found.plot_seeds()):
        assert chart.to_dict()["layer"]
    assert "<table>" in found._repr_html_()


def test_open_plot_of_an_unknown_metric_names_the_known_ones(tmp_path: Path) -> None:
    found = campaign.open(make_campaign(tmp_path / "c", steps=5))
    with pytest.raises(UsageError, match="correct_rate"):
        found.plot("corect_rate")


def test_repr_html_escapes_text(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    run = folder / "runs" / "<i>x_s1"
    run.mkdir(parents=True)
    (run / "metrics.jsonl").write_text('{"step": 0, "loss": 1.0}\n')
    shown = campaign.open(folder)._repr_html_()
    assert "<i>" not in shown
    assert "&lt;i&gt;x" in shown


def test_load_plans_a_spec_and_open_finds_its_campaign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "mine.toml"
    conditions = "".join(f"[[campaign.conditions]]\nkl_coef = {weight}\n" for weight in (0.0, 0.1))
    spec.write_text(f"[campaign]\nseeds = [1, 2]\n{conditions}")
    loaded = campaign.load(spec)
    assert loaded.name == "mine"
    assert len(loaded.plan().runs) == 4
    assert "<table>" in loaded._repr_html_()
    monkeypatch.setenv("CAMPAIGN_DIR", str(tmp_path / "campaigns"))
    make_campaign(tmp_path / "campaigns" / "mine", seeds=(1, 2), steps=5)
    assert campaign.open(spec).name == "mine"
