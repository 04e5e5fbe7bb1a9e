"""Starting: quick answers, any folder, and an installed wheel."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

HEAVY = ("torch", "lightning", "sklearn", "scipy", "tensorboard", "matplotlib")
QUICK = ("trainer.max_epochs=2", "logger=none")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--help"], 0), (["--cfg", "job"], 0), (["optim=adamm"], 1), (["optim.lrr=1"], 1), (["seed=x"], 1)],
)
def test_help_configuration_and_typos_answer_without_the_heavy_imports(
    tmp_path: Path, arguments: list[str], code: int
) -> None:
    script = (
        f"import sys; sys.argv[1:] = {arguments!r}\n"
        "from onelayer.cli import train\n"
        "try: train()\n"
        f"finally: print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "HEAVY []" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_help_lists_every_group(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "src" / "train.py", "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    for group in ("data", "model", "optim", "scheduler", "trainer", "logger", "sweep"):
        choices = ", ".join(sorted(path.stem for path in (ROOT / "conf" / group).glob("*.yaml")))
        assert f"{group}: {choices}\n" in done.stdout


def test_it_runs_from_any_folder_without_being_installed(tmp_path: Path) -> None:
    isolated = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, ROOT / "src" / "train.py", *QUICK],
        cwd=tmp_path,
        env=isolated,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(list((tmp_path / "outputs").rglob("result.json"))) == 1


def test_the_command_of_an_editable_install_finds_the_plugins(tmp_path: Path) -> None:
    isolated = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    onelayer = Path(sys.executable).with_name("onelayer")
    command = [str(onelayer), "train", "--cfg", "hydra", "-p", "hydra.sweeper._target_"]
    done = subprocess.run(command, cwd=tmp_path, env=isolated, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "hydra_plugins.onelayer.sweeper.GridSweeper" in done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that the checkout stays clean."""
    folder = tmp_path_factory.mktemp("build")
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        folder / "dist",
        folder,
    ]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = (folder / "dist").glob("*.whl")
    return built


def test_the_wheel_holds_the_package_and_its_configuration_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {"onelayer", "hydra_plugins", "onelayer-0.1.0.dist-info"}
    # a namespace that other plugins share: it must have no __init__.py of its own
    plugins = {name for name in names if name.startswith("hydra_plugins/")}
    ours = (ROOT / "src" / "hydra_plugins").rglob("*.py")
    assert plugins == {str(path.relative_to(ROOT / "src")) for path in ours}
    assert "hydra_plugins/onelayer/sweeper.py" in plugins
    assert "hydra_plugins/__init__.py" not in plugins
    for path in (ROOT / "conf").rglob("*.yaml"):
        assert f"onelayer/conf/{path.relative_to(ROOT / 'conf')}" in names


@pytest.mark.slow
def test_the_installed_wheel_trains_from_elsewhere(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    install = ("install", "--quiet", "--no-deps", "--no-index", "--no-compile")
    subprocess.run([sys.executable, "-m", "pip", "--python", python, *install, wheel], check=True)
    # the libraries come from this environment, by a path of their own; the package itself only from the wheel
    site = tmp_path / "site"
    site.mkdir()
    for entry in Path(pytest.__file__).parents[1].iterdir():
        if "onelayer" not in entry.name:
            (site / entry.name).symlink_to(entry)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    onelayer = tmp_path / "venv" / "bin" / "onelayer"
    done = subprocess.run(
        [onelayer, "train", "-m", "sweep=optimizers", "optim=adagrad", "hydra.sweeper.points=2", *QUICK],
        cwd=elsewhere,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(list(elsewhere.rglob("result.json"))) == 2
