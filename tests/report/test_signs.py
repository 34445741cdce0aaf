"""Every output of a report subtracts the baseline that the hypothesis declares, and says so by name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from synthetic import make_campaign

from campaign.library import OpenCampaign
from campaign.report.campaign_record import read_campaign
from campaign.report.contents import Contents, collect_contents
from campaign.report.document import to_document
from campaign.report.markdown import to_markdown
from campaign.report.page import render_page
from campaign.spec.hypotheses import freeze, keep_frozen, read_hypotheses

CONDITIONS: Mapping[str, Mapping[str, Any]] = {
    "best": {"algorithm": {"kl_coef": 0.1}},
    "middle": {"algorithm": {"kl_coef": 0.2}},
    "worst": {"algorithm": {"kl_coef": 0.3}},
}
"""In the order of the synthetic correct rates, each about 0.11 above the next."""


def campaign_with(folder: Path, hypotheses: list[dict[str, Any]], seeds: int = 3) -> Path:
    made = make_campaign(folder, CONDITIONS, seeds=range(seeds), steps=20, generations=False)
    plan = json.loads((made / "plan.json").read_text())
    tables = [{"metric": "correct_rate", **table} for table in hypotheses]
    (made / "plan.json").write_text(json.dumps({**plan, "hypotheses": tables}))
    if tables:
        keep_frozen(made / "frozen.json", freeze(read_hypotheses(tables), range(seeds), (), list(CONDITIONS)))
    return made


def contents_of(folder: Path) -> Contents:
    return collect_contents(read_campaign(folder))


def figure_means(contents: Contents) -> dict[str, float]:
    """Pair -> mean of its points in the figure."""
    (panel,) = [panel for panel in contents.comparison if panel.id == "paired-differences"]
    found: dict[str, list[float]] = {}
    for row in panel.figure.datasets["differences"]:
        found.setdefault(row["pair"], []).append(row["difference"])
    return {pair: sum(values) / len(values) for pair, values in found.items()}


def signs_in(text: str, pair: str) -> set[str]:
    """The signs of all numbers that stand next to the formula of a pair."""
    number = r"([+\N{MINUS SIGN}-])\d"
    formula = re.escape(pair)
    near = [rf"{number}[\d.]*\s*(?:<[^>]*>\s*)*{formula}", rf"{formula}[^;|<]{{0,24}}?[:] *{number}"]
    return {sign.replace("\N{MINUS SIGN}", "-") for form in near for sign in re.findall(form, text)}


@pytest.mark.parametrize("seeds", [3, 8])
@pytest.mark.parametrize(("candidate", "baseline"), [("best", "worst"), ("worst", "best")])
def test_card_figure_table_caption_and_json_have_the_sign_of_the_hypothesis(
    tmp_path: Path, candidate: str, baseline: str, seeds: int
) -> None:
    hypothesis = {"name": "h", "candidate": candidate, "baseline": baseline}
    folder = campaign_with(tmp_path / "study", [hypothesis], seeds)
    contents = contents_of(folder)
    pair, sign = f"{candidate} - {baseline}", "+" if candidate == "best" else "-"
    document = to_document(contents)
    effect = document["verdicts"][0]["comparison"]["effect"]
    assert (effect > 0) == (sign == "+")
    assert figure_means(contents)[pair] == pytest.approx(effect, abs=1e-4)
    (row,) = [row for row in document["conditions"] if row["condition"] == candidate]
    assert (row["baseline"], row["difference"]) == (baseline, pytest.approx(effect, abs=1e-4))
    (written,) = [entry for entry in document["paired_differences"] if entry["label"] == pair]
    assert written["mean"] == pytest.approx(effect, abs=1e-4)
    assert sum(written["by_seed"].values()) / seeds == pytest.approx(effect, abs=1e-4)
    page = render_page(contents, "")
    for output in (to_markdown(contents).replace("\\", ""), page):
        assert signs_in(output, pair) == {sign}
        assert "candidate - baseline" in output
        assert f"{baseline} - {candidate}" not in output
    (panel,) = [panel for panel in contents.comparison if panel.id == "paired-differences"]
    assert f"{pair}: mean difference {sign}" in panel.description
    assert pair in panel.note
    assert OpenCampaign(folder).plot_differences().to_dict()["datasets"]["differences"][0]["pair"] == pair


def test_each_hypothesis_brings_its_own_baseline_and_the_rest_follow_the_first(tmp_path: Path) -> None:
    chain = [
        {"name": "one", "candidate": "middle", "baseline": "worst"},
        {"name": "two", "candidate": "best", "baseline": "middle"},
    ]
    means = figure_means(contents_of(campaign_with(tmp_path / "chain", chain)))
    assert list(means) == ["middle - worst", "best - middle"]
    assert all(mean > 0 for mean in means.values())
    one = campaign_with(tmp_path / "one", [{"name": "one", "candidate": "middle", "baseline": "worst"}])
    assert list(figure_means(contents_of(one))) == ["middle - worst", "best - worst"]


def test_without_hypotheses_every_condition_is_compared_with_the_first(tmp_path: Path) -> None:
    contents = contents_of(campaign_with(tmp_path / "none", []))
    assert list(figure_means(contents)) == ["middle - best", "worst - best"]
    assert [verdict.comparison.label for verdict in contents.judgement.verdicts] == [
        "middle - best",
        "worst - best",
    ]


def test_hypothesis_in_another_metric_does_not_choose_the_baseline_of_this_one(tmp_path: Path) -> None:
    """Its differences are in other units; the metric of the report is that of the first hypothesis."""
    made = [
        {"name": "one", "candidate": "best", "baseline": "middle"},
        {"name": "two", "candidate": "worst", "baseline": "best", "metric": "kl"},
    ]
    assert list(figure_means(contents_of(campaign_with(tmp_path / "two", made)))) == [
        "best - middle",
        "worst - middle",
    ]


def test_hypothesis_in_another_summary_keeps_its_baseline_and_the_values_of_the_report(
    tmp_path: Path,
) -> None:
    made = [
        {"name": "one", "candidate": "middle", "baseline": "worst", "summary": "final"},
        {"name": "two", "candidate": "best", "baseline": "middle", "summary": "mean"},
    ]
    contents = contents_of(campaign_with(tmp_path / "two", made))
    best, middle = (row.mean for row in contents.summaries[:2])
    assert best is not None
    assert middle is not None
    assert figure_means(contents)["best - middle"] == pytest.approx(best - middle, abs=1e-4)


def test_hypothesis_that_cannot_be_tested_is_not_claimed_as_the_source_of_the_baseline(
    tmp_path: Path,
) -> None:
    folder = campaign_with(tmp_path / "study", [{"name": "h", "candidate": "bset", "baseline": "worst"}])
    output = to_markdown(contents_of(folder))
    assert "The hypotheses could not be tested: every condition is compared with best." in output


def test_interval_in_the_figure_is_that_of_the_same_pair(tmp_path: Path) -> None:
    contents = contents_of(
        campaign_with(tmp_path / "study", [{"name": "h", "candidate": "best", "baseline": "worst"}])
    )
    (panel,) = [panel for panel in contents.comparison if panel.id == "paired-differences"]
    (row,) = panel.figure.datasets["intervals"]
    comparison = contents.judgement.verdicts[0].comparison
    assert row["pair"] == "best - worst"
    assert (row["low"], row["high"]) == (
        pytest.approx(comparison.simultaneous_lower, rel=1e-4),
        pytest.approx(comparison.simultaneous_upper, rel=1e-4),
    )


def test_unpaired_hypothesis_has_a_difference_in_the_table_and_no_points(tmp_path: Path) -> None:
    hypothesis = {"name": "h", "candidate": "best", "baseline": "worst", "test": "welch"}
    contents = contents_of(campaign_with(tmp_path / "study", [hypothesis]))
    assert list(figure_means(contents)) == ["middle - worst"]
    (row,) = [row for row in to_document(contents)["conditions"] if row["condition"] == "best"]
    assert row["difference"] > 0
