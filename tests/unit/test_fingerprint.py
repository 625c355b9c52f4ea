"""The fingerprint: the same for what serves alike, another for what does not."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import fingerprint as module
from app.fingerprint import SERVED, fingerprint, served_code
from app.settings import Settings

ROOT = Path(__file__).parents[2]
SETTINGS = Settings(database_url="postgresql://u:hunter2@db/jobs")
CODE = {
    "app/__init__.py": "",
    "app/wsgi.py": "import app.serving.answering\nfrom typing import TYPE_CHECKING\n"
    "if TYPE_CHECKING:\n    import app.typed\ndef create():\n    from app import late\n",
    "app/serving/__init__.py": "",
    "app/serving/answering.py": "from app.serving import cards",
    "app/serving/cards.py": "",
    "app/late.py": "",
    "app/typed.py": "",
    "app/cli/demo.py": "import app.wsgi",
}


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A few modules in place of the service's, to change."""
    for name, text in CODE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(module, "_ROOT", tmp_path)
    monkeypatch.setattr(module, "_LOCK", tmp_path / "uv.lock")
    return tmp_path


@pytest.mark.parametrize(
    "change", [{"threads": 7}, {"connections": 3}, {"server": "granian"}, {"pgbouncer": True}]
)
def test_a_setting_that_serving_goes_by_changes_the_fingerprint(code: Path, change: dict[str, Any]) -> None:  # noqa: ARG001 - it stands in for the service's
    assert fingerprint(replace(SETTINGS, **change)) != fingerprint(SETTINGS)


@pytest.mark.parametrize(
    "change",
    [
        {"bind": "0.0.0.0:80"},
        {"snapshot": Path("elsewhere")},
        {"data_dir": Path("elsewhere")},
        {"instance": "web-7"},
        {"hard_rps": 1},
        {"soft_rps": 1},
        {"limits_uri": "valkey://127.0.0.1:6379"},
        {"planner_bind": "127.0.0.1:9"},
        {"session_key": "s" * 40},
        {"database_url": "postgresql://other"},
    ],
)
def test_where_an_instance_stands_its_limits_and_what_the_planner_does_change_nothing(
    code: Path,  # noqa: ARG001 - same
    change: dict[str, Any],
) -> None:
    assert fingerprint(replace(SETTINGS, **change)) == fingerprint(SETTINGS)


@pytest.mark.parametrize(
    "name", ["app/serving/answering.py", "app/serving/cards.py", "app/serving/__init__.py", "app/late.py"]
)
def test_code_that_answers_changes_the_fingerprint(code: Path, name: str) -> None:
    before = fingerprint(SETTINGS)
    (code / name).write_text(CODE[name] + "\n# changed\n")
    assert fingerprint(SETTINGS) != before


def test_other_code_does_not(code: Path) -> None:
    before = fingerprint(SETTINGS)
    for name in ("app/cli/demo.py", "app/typed.py", "app/new.py"):
        (code / name).write_text("pass  # changed\n")
    assert fingerprint(SETTINGS) == before


def test_a_new_room_counts_as_soon_as_something_that_answers_imports_it(code: Path) -> None:
    (code / "app" / "room").mkdir()
    (code / "app" / "room" / "__init__.py").write_text("")
    (code / "app" / "room" / "thing.py").write_text("")
    before = served_code(code, SERVED)
    (code / "app" / "serving" / "cards.py").write_text("from app.room.thing import it\n")
    new = {path.relative_to(code).as_posix() for path in served_code(code, SERVED) if path not in before}
    assert new == {"app/room/__init__.py", "app/room/thing.py"}


def test_locked_packages_change_the_fingerprint(code: Path) -> None:
    before = fingerprint(SETTINGS)
    (code / "uv.lock").write_text("flask 4")
    assert fingerprint(SETTINGS) != before


def test_all_that_is_loaded_to_answer_is_in_it_and_nothing_of_the_planner() -> None:
    program = f"import sys, {', '.join(SERVED)}; print(*[name for name in sys.modules if name.split('.')[0] == 'app'])"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        for path in served_code(ROOT, SERVED)
    }
    assert set(loaded.stdout.split()) <= names
    assert not [name for name in names if name.startswith(("app.capacity", "app.web.pages", "app.cli"))]


def test_what_servers_load_by_its_name_is_known_here() -> None:
    """The settings are read as text: to import them names a directory of metrics for this whole process."""
    text = (ROOT / "app" / "gunicorn_conf.py").read_text(encoding="utf-8")
    settings = {
        node.targets[0].id: node.value.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    assert str(settings["wsgi_app"]).partition(":")[0] in SERVED
    assert str(settings["worker_class"]).rpartition(".")[0] in SERVED
