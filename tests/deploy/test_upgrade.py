"""`make upgrade` begins at the last release: its tag, else the commit that wrote it into the changelog."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import click
import pytest

from tests.deploy.upgrade import last_release

if TYPE_CHECKING:
    from pathlib import Path


def git(root: Path, *words: str) -> str:
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    ran = subprocess.run(["git", *author, *words], cwd=root, capture_output=True, text=True, check=True)
    return ran.stdout.strip()


def commit(root: Path, changelog: str) -> str:
    (root / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "a")
    return git(root, "rev-parse", "HEAD")


def test_without_a_tag_it_is_the_commit_that_wrote_the_newest_heading(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, "# Changelog\n\n## Unreleased\n")
    with pytest.raises(
        click.ClickException, match=r"^No version is released yet, .* make upgrade FROM=COMMIT\.$"
    ):
        last_release(tmp_path)
    commit(tmp_path, "# Changelog\n\n## Unreleased\n\n## 0.1.0 (2026-10-01)\n")
    newest = "# Changelog\n\n## Unreleased\n\n## 0.2.0 (2026-11-01)\n\n## 0.1.0 (2026-10-01)\n"
    written = commit(tmp_path, newest)
    commit(tmp_path, newest.replace("Unreleased\n", "Unreleased\n\n- More than 0.2.0.\n"))
    assert last_release(tmp_path) == written
    git(tmp_path, "tag", "v0.2.1")
    commit(tmp_path, newest + "\n")
    assert last_release(tmp_path) == "v0.2.1"
