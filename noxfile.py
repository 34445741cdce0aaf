"""Development sessions: `nox -l` lists them, `nox -s NAME` runs one.

pip installs all dependencies, because it also finds a local CPU build of torch.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import nox

nox.needs_version = ">=2024.4"
nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "architecture", "tests"]

HERE = Path(__file__).parent


@nox.session
def tests(session: nox.Session) -> None:
    """The whole suite, long tests included."""
    session.install("-e", ".[train,dev]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def quick(session: nox.Session) -> None:
    """The suite without tests that take more than ten seconds."""
    session.install("-e", ".[train,dev]")
    session.run("python", "-m", "pytest", "-m", "not slow", *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """Only tests that take more than ten seconds: the execution oracle, whole campaigns, learning."""
    session.install("-e", ".[train,dev]")
    session.run("python", "-m", "pytest", "-m", "slow", *session.posargs)


@nox.session
def damage(session: nox.Session) -> None:
    """Random damage to the folders of runs: 40 draws, or those named, as in `nox -s damage -- 40:80`."""
    session.install("-e", ".[dev]")
    seeds = session.posargs[0] if session.posargs else "0:40"
    session.run("python", "-m", "pytest", "tests/test_damaged_runs.py", env={"CAMPAIGN_DAMAGE_SEEDS": seeds})


@nox.session
def lowest(session: nox.Session) -> None:
    """The quick suite with the lowest supported version of each dependency, except torch, whose old CPU builds
    are not on the public index."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["run"], *extras["report"], *extras["train"]]
    pins = [
        re.sub(r">=([0-9.]+).*", r"==\1", name)
        for name in wanted
        if not name.startswith(("torch", "campaign"))
    ]
    session.install(*pins, "-e", ".[train,dev]")
    session.run("python", "-m", "pytest", "-m", "not slow", *session.posargs)


@nox.session
def light(session: nox.Session) -> None:
    """`pip install campaign` without extras: what it installs, and every command with it."""
    session.install(".", "pytest>=8.0", "pytest-timeout>=2.3.1")
    session.run("python", "-m", "pytest", "tests/test_light_install.py", env={"CAMPAIGN_LIGHT_INSTALL": "1"})


@nox.session
def lint(session: nox.Session) -> None:
    """ruff: rules and format."""
    session.install("ruff>=0.8")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict."""
    session.install("-e", ".[train,dev]")
    session.run("mypy")


@nox.session
def architecture(session: nox.Session) -> None:
    """import-linter: the layers of docs/architecture.md."""
    session.install("-e", ".[dev]")
    session.run("lint-imports")


@nox.session
def sarif(session: nox.Session) -> None:
    """Validates the output of `campaign check --format sarif` against the complete SARIF 2.1.0 schema, which the
    multitool on npm contains."""
    session.install("-e", ".[dev]")
    folder = Path(session.create_tmp()).resolve()
    with session.chdir(folder):
        session.run("npm", "pack", "--silent", "@microsoft/sarif-multitool-linux@5", external=True)
        session.run("tar", "xzf", next(folder.glob("*.tgz")).name, "package/sarif-2.1.0.json", external=True)
    schema = folder / "package" / "sarif-2.1.0.json"
    session.run(
        "python", "-m", "pytest", "tests/check", "-k", "sarif", env={"CAMPAIGN_SARIF_SCHEMA": str(schema)}
    )


@nox.session
def demo(session: nox.Session) -> None:
    """A whole campaign, with the command of the README."""
    session.install("-e", ".[train]")
    session.run("campaign", "submit", "examples/first_light.toml", "--dir", session.create_tmp())


@nox.session
def benchmarks(session: nox.Session) -> None:
    """All benchmarks, or those named; each prints a ratio of measurements in one run."""
    session.install("-e", ".[train,dev]", "trl>=1.16", "datasets")
    names = session.posargs or sorted(path.stem for path in (HERE / "benchmarks").glob("*.py"))
    for name in names:
        session.run("python", f"benchmarks/{name}.py")
