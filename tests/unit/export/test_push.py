"""`factory push` against a stand-in for the Hub: all of it arrives in one commit or nothing does, nothing
else is sent, and what is refused is one sentence without the token."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from factory.models.artifact import verify
from factory.recipe import load_recipe
from factory.workspace import Workspace
from tests.support.command import typed
from tests.support.export_stores import export_to
from tests.support.finished_student import SMALL, rows, student_workspace
from tests.support.hub import TOKEN, Hub, Repository, running
from tests.support.sample_rows import make_workspace
from tests.support.scripted import project

HERE = "me/student"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running(monkeypatch) as hub:
        yield hub


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("push")
    made = student_workspace(folder / "w", rows(folder / "base"))
    (made.root / ".env").write_text("SECRET=hunter2")
    return made


def pushed(workspace: Workspace, *more: str, name: str = SMALL) -> tuple[int, str, str]:
    done = typed("push", name, HERE, "-w", workspace.root, *more)
    assert TOKEN not in done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


def test_a_model_arrives_whole_and_private(workspace: Workspace, hub: Hub) -> None:
    code, out, err = pushed(workspace)
    assert (code, out.splitlines()[-1]) == (0, f"{hub.url}/{HERE}/commit/1"), err
    there = hub.repositories[f"models/{HERE}"]
    folder = workspace.models / SMALL
    assert (there.private, there.commits) == (True, 1)
    assert set(there.files) == {*verify(folder).files, "README.md"}
    for name in verify(folder).files:
        assert there.files[name] == (folder / name).read_bytes()
    assert b"\nlicense: apache-2.0\n" in there.files["README.md"]
    assert len(hub.uploads) > 1  # large files went apart


def test_a_dry_run_shows_all_of_it_and_sends_nothing(workspace: Workspace, hub: Hub) -> None:
    code, out, err = pushed(workspace, "--dry-run")
    assert code == 0 and "nothing was sent" in err
    assert not hub.bodies
    shown, card = out.split("\n\n---\n", 1)
    named = {line.split()[0] for line in shown.splitlines()}
    pushed(workspace)
    there = hub.repositories[f"models/{HERE}"].files
    assert named == set(there)
    assert "---\n" + card.rstrip("\n") == there["README.md"].decode().rstrip("\n")
    assert b"hunter2" not in b"".join(hub.bodies)
    assert str(workspace.root).encode() not in b"".join(hub.bodies)


@pytest.mark.parametrize("cut", ["lfs", "commit"])
def test_a_cut_connection_leaves_nothing_and_the_same_command_goes_on(
    workspace: Workspace, hub: Hub, cut: str
) -> None:
    hub.cut = cut
    code, out, err = pushed(workspace)
    assert code == 1 and "the connection to the Hub was lost" in err and "again" in err
    assert (hub.repositories[f"models/{HERE}"].files, hub.repositories[f"models/{HERE}"].commits) == ({}, 0)
    hub.cut = ""
    came = list(hub.uploads)
    assert pushed(workspace)[0] == 0
    assert hub.repositories[f"models/{HERE}"].commits == 1
    assert len(hub.uploads) == len(set(hub.uploads)) and hub.uploads[: len(came)] == came


def test_a_commit_whose_answer_is_lost_is_not_made_twice(workspace: Workspace, hub: Hub) -> None:
    hub.cut = "answer"
    assert pushed(workspace)[0] == 1
    hub.cut = ""
    code, _, err = pushed(workspace)
    assert code == 0, err
    assert hub.repositories[f"models/{HERE}"].commits == 1


def test_a_wrong_token_is_one_sentence(
    workspace: Workspace, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    code, out, err = pushed(workspace)
    assert code == 2 and "error: the Hub does not accept the token\n" in err
    assert "hf_wrong" not in out + err and not hub.repositories


@pytest.mark.parametrize("there", [True, False])
def test_no_rights_are_one_sentence(workspace: Workspace, hub: Hub, there: bool) -> None:
    hub.may_write = False
    if there:
        hub.repositories[f"models/{HERE}"] = Repository(private=True)
    code, _, err = pushed(workspace)
    assert code == 2 and f"error: the token may not write to {HERE}\n" in err


def test_without_a_token_nothing_is_tried(
    workspace: Workspace, hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    code, _, err = pushed(workspace)
    assert code == 2 and "there is no token" in err and not hub.bodies


@pytest.mark.parametrize("name", ["a/b/c", "me/../x", "me/st udent", "me/.x"])
def test_a_wrong_name_is_one_sentence(workspace: Workspace, hub: Hub, name: str) -> None:
    done = typed("push", SMALL, name, "-w", workspace.root)
    assert done.returncode == 2 and "is no name of a repository" in done.stderr


def test_what_all_may_read_is_not_pushed_to_unasked(workspace: Workspace, hub: Hub) -> None:
    hub.repositories[f"models/{HERE}"] = Repository(private=False)
    code, _, err = pushed(workspace)
    assert code == 2 and f"all may read {HERE}" in err
    assert pushed(workspace, "--public")[0] == 0


def test_public_is_public(workspace: Workspace, hub: Hub) -> None:
    assert pushed(workspace, "--public")[0] == 0
    assert not hub.repositories[f"models/{HERE}"].private


def test_other_files_there_go_only_when_it_is_said(workspace: Workspace, hub: Hub) -> None:
    there = hub.repositories[f"models/{HERE}"] = Repository(
        True, {"model-00001-of-00002.safetensors": b"old"}
    )
    code, _, err = pushed(workspace)
    assert code == 2 and "what this push does not bring (1 files, such as model-00001-of-00002" in err
    assert there.commits == 0
    assert pushed(workspace, "--replace")[0] == 0
    assert (there.commits, "model-00001-of-00002.safetensors" in there.files) == (1, False)


def test_a_dataset_arrives_whole(workspace: Workspace, hub: Hub, tmp_path: Path) -> None:
    export_to(workspace, tmp_path / "out", format="parquet", licence="CC-BY-4.0")
    done = typed("push", tmp_path / "out", "me/data")
    assert done.returncode == 0, done.stderr
    there = hub.repositories["datasets/me/data"]
    assert (set(there.files), there.private, there.commits) == ({"README.md", "train.parquet"}, True, 1)
    assert there.files["train.parquet"] == (tmp_path / "out" / "train.parquet").read_bytes()


@pytest.mark.parametrize("strange", [".env", "notes.txt", "sub/secret.key", "link"])
def test_a_folder_with_anything_else_in_it_stays_here(
    workspace: Workspace, hub: Hub, tmp_path: Path, strange: str
) -> None:
    export_to(workspace, tmp_path / "out")
    path = tmp_path / "out" / strange
    if strange == "link":
        path.symlink_to("/etc/passwd")
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("hunter2")
    done = typed("push", tmp_path / "out", "me/data")
    assert done.returncode == 2 and f"{path} is no" in done.stderr
    assert not hub.bodies


def test_a_workspace_is_no_folder_to_push(workspace: Workspace, hub: Hub) -> None:
    done = typed("push", workspace.root, "me/data")
    assert done.returncode == 2 and "README.md of an export's" in done.stderr and not hub.bodies


def test_a_recipe_stands_for_the_student_of_the_latest_run(tmp_path: Path, hub: Hub) -> None:
    recipe = project(tmp_path, "tool_call", "count: 4")
    found = rows(tmp_path / "base")
    found["runs"][0] |= {"recipe_digest": load_recipe(recipe).digest}
    made = student_workspace(tmp_path / "w", found)
    assert pushed(made, name=str(recipe))[0] == 0
    other = tmp_path / "other.yaml"
    other.write_text(recipe.read_text().replace("name: tiny", "name: other"))
    code, _, err = pushed(made, name=str(other))
    assert code == 2 and "is not of" in err


def test_a_changed_file_does_not_leave(tmp_path: Path, hub: Hub) -> None:
    made = student_workspace(tmp_path / "w", rows(tmp_path / "base"))
    weights = made.models / SMALL / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    code, _, err = pushed(made)
    assert code == 1 and "does not match its digest" in err and not hub.bodies


def test_a_store_without_students_says_so(tmp_path: Path, hub: Hub) -> None:
    code, _, err = pushed(make_workspace(tmp_path))
    assert code == 2 and "no student" in err
