"""tools/subjects.py in the kinds of clones it meets."""

import subprocess
from pathlib import Path

import pytest

from subjects import Start, complaints

LONG = "x" * 73


class Repository:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.moment = 1_700_000_000

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        command = ["git", *identity, "-C", str(self.folder), *arguments]
        dates = {"GIT_AUTHOR_DATE": f"{self.moment} +0000", "GIT_COMMITTER_DATE": f"{self.moment} +0000"}
        done = subprocess.run(command, env={"PATH": "/usr/bin:/bin", **dates}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, *subjects: str) -> Start:
        for subject in subjects:
            self.moment += 60
            self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        return Start(self.git("rev-parse", "HEAD"), self.moment)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "clone")
    repository.folder.mkdir()
    repository.git("init", "--quiet", "--initial-branch=main")
    return repository


def flaws(folder: Path, start: Start) -> list[str]:
    return [line.partition(" ")[2] for line in complaints(folder, start)]


def test_only_commits_after_the_start_are_judged(repository: Repository) -> None:
    start = repository.commit(LONG + ".", LONG)
    assert flaws(repository.folder, start) == []
    repository.commit("x" * 72, LONG, "Ends with a stop.")
    assert flaws(repository.folder, start) == [
        "ends with a full stop: Ends with a stop.",
        f"has 73 characters, 72 at most: {LONG}",
    ]


def test_characters_are_counted_not_bytes(repository: Repository) -> None:
    start = repository.commit("first")
    repository.commit("ü" * 72)
    assert flaws(repository.folder, start) == []


def test_merges_and_reverts_have_subjects_of_gits_own(repository: Repository) -> None:
    start = repository.commit("first")
    repository.git("switch", "--quiet", "--create", "branch")
    repository.commit("on a branch")
    repository.git("switch", "--quiet", "main")
    repository.git("merge", "--quiet", "--no-ff", "-m", LONG, "branch")
    repository.commit(f'Revert "{LONG}"')
    assert flaws(repository.folder, start) == []


def test_a_detached_head_is_judged_as_well(repository: Repository) -> None:
    start = repository.commit("first")
    repository.commit(LONG)
    repository.git("switch", "--quiet", "--detach")
    assert len(flaws(repository.folder, start)) == 1


@pytest.mark.parametrize(("depth", "found"), [(1, 0), (2, 1), (4, 1)])
def test_a_shallow_clone_goes_by_the_moment(
    repository: Repository, tmp_path: Path, depth: int, found: int
) -> None:
    start = repository.commit(LONG, LONG)
    repository.commit(LONG, "short")
    shallow = tmp_path / "shallow"
    repository.git("clone", "--quiet", f"--depth={depth}", f"file://{repository.folder}", str(shallow))
    assert len(flaws(shallow, start)) == found


def test_a_history_without_the_start_goes_by_the_moment(repository: Repository) -> None:
    start = repository.commit(LONG)
    repository.commit(LONG)
    assert len(flaws(repository.folder, Start("0" * 40, start.moment))) == 1


def test_without_commits_or_repository_there_is_nothing_to_check(
    repository: Repository, tmp_path: Path
) -> None:
    start = Start("0" * 40, 0)
    assert complaints(repository.folder, start) == []
    assert complaints(tmp_path, start) == []
    inner = repository.folder / "vendored"
    inner.mkdir()
    repository.commit(LONG)
    assert complaints(inner, start) == []
