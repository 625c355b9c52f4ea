"""A saved model ranks as it did, knows nobody's name, and runs nothing when it is loaded."""

from __future__ import annotations

import io
import json
import pickle
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from app.board.model import Status
from app.recommend.incremental.saved_model import SavedModel, SavedModelError, load, save
from app.recommend.incremental.update import update
from tests.unit.recommend.conftest import NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.board.model import Posting
    from app.recommend.recommender import Recommender


def written(model: Recommender, board: Any) -> bytes:
    file = io.BytesIO()
    save(SavedModel.of(model, board.postings), file)
    return file.getvalue()


def reloaded(model: Recommender, board: Any) -> SavedModel:
    return load(io.BytesIO(written(model, board)))


def ids(model: Recommender, board: Any, positions: list[int]) -> list[list[str]]:
    return [
        [each.posting_id for each in ranked] for ranked in model.rank(positions, board.profiles(positions))
    ]


def test_it_ranks_as_the_model_did_to_the_last_bit_of_every_score(
    crowd: Any, crowd_model: Recommender
) -> None:
    updated = update(reloaded(crowd_model, crowd), crowd.postings, now=NOW + timedelta(hours=5))
    again = updated.fold_in(crowd.activity, crowd.members)
    everybody = range(len(crowd.members))
    ours, theirs = (model.rank(everybody, crowd.members) for model in (again, crowd_model))
    assert ours == theirs
    assert [[each.score for each in one] for one in ours] == [[each.score for each in one] for one in theirs]
    assert (
        again.representations.member_factors.tobytes() == crowd_model.representations.member_factors.tobytes()
    )


def test_it_holds_no_members_id(model: Recommender, board: Any) -> None:
    content = written(model, board)
    assert b"p0001" in content
    assert not [member.id for member in board.members if member.id.encode() in content]


def test_a_new_posting_is_among_the_postings_it_ranks_and_is_like_those_it_shares_attributes_with(
    crowd: Any, crowd_model: Recommender, new_posting: Callable[..., Posting]
) -> None:
    new = new_posting(360, opened_at=NOW)
    updated = update(reloaded(crowd_model, crowd), [*crowd.postings, new], now=NOW)
    model = updated.fold_in(crowd.activity, crowd.members)
    lists = ids(model, crowd, list(range(200)))
    fitting = [
        one for one, member in zip(lists, crowd.members, strict=True) if member.categories == new.categories
    ]
    assert sum(new.id in one for one in fitting) > len(fitting) / 4
    by_id = {each.id: each for each in crowd.postings}
    assert {by_id[each].categories for each in updated.similar({new.id})} == {new.categories}
    assert updated.similar(set()) == set()


def test_a_posting_that_says_something_else_is_replaced_and_one_that_closed_is_gone(
    crowd: Any, crowd_model: Recommender
) -> None:
    shown = ids(crowd_model, crowd, [0])[0]
    changes: dict[str, dict[str, Any]] = {
        shown[0]: {"title": "다른 제목"},
        shown[1]: {"status": Status.CLOSED},
    }
    postings = [replace(each, **changes.get(each.id, {})) for each in crowd.postings]
    updated = update(reloaded(crowd_model, crowd), postings, now=NOW)
    assert updated.replaced == {shown[0]}
    assert set(updated.open_ids()) == {each.id for each in crowd.postings} - {shown[1]}
    model = updated.fold_in(crowd.activity, crowd.members)
    assert shown[1] not in ids(model, crowd, [0])[0]
    assert [each for each in model.catalogue.ids if each == shown[0]] == [shown[0]] * 2


def test_a_posting_that_opens_again_is_shown_again(crowd: Any) -> None:
    closed = replace(crowd, postings=[replace(crowd.postings[0], status=Status.CLOSED), *crowd.postings[1:]])
    saved = reloaded(closed.fit(), closed)
    assert crowd.postings[0].id not in update(saved, closed.postings, now=NOW).open_ids()
    again = update(saved, crowd.postings, now=NOW)
    assert crowd.postings[0].id in again.open_ids()
    assert not again.replaced
    assert np.array_equal(again.added, [0])


class Runs:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))


def pickled(value: object) -> bytes:
    return pickle.dumps(value)


def npy_of_objects(value: object) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([value], object), allow_pickle=True)
    return file.getvalue()


def npz_of_objects(value: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, head=np.array([value], object))
    return file.getvalue()


@pytest.mark.parametrize("container", [pickled, npy_of_objects, npz_of_objects])
def test_a_pickle_in_its_place_runs_nothing_and_is_refused(
    container: Callable[[object], bytes], tmp_path: Path
) -> None:
    content = container(Runs(tmp_path / "made"))
    with pytest.raises(SavedModelError, match="It is no saved model, or not whole"):
        load(io.BytesIO(content))
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_torn_file_is_refused(share: float, model: Recommender, board: Any) -> None:
    whole = written(model, board)
    with pytest.raises(SavedModelError, match="It is no saved model, or not whole"):
        load(io.BytesIO(whole[: int(share * len(whole))]))


def test_a_file_in_which_something_was_changed_is_refused(model: Recommender, board: Any) -> None:
    whole = bytearray(written(model, board))
    whole[len(whole) // 2] ^= 1
    with pytest.raises(SavedModelError, match="It is no saved model, or not whole"):
        load(io.BytesIO(whole))


def rewritten(content: bytes, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> io.BytesIO:
    """The file with another head or other arrays, well formed."""
    with np.load(io.BytesIO(content)) as arrays:
        parts = dict(arrays)
    head = json.loads(parts.pop("head").tobytes())
    change(head, parts)
    file = io.BytesIO()
    np.savez(file, head=np.frombuffer(json.dumps(head).encode(), np.uint8), **parts)
    file.seek(0)
    return file


def other_part(head: dict[str, Any], _arrays: dict[str, Any]) -> None:
    head["model"]["part"] = "Popen"


def other_tag(head: dict[str, Any], _arrays: dict[str, Any]) -> None:
    head["model"]["fields"]["contents"] = {"run": "touch"}


def no_model(head: dict[str, Any], _arrays: dict[str, Any]) -> None:
    head["model"] = 1


def missing_array(_head: dict[str, Any], arrays: dict[str, Any]) -> None:
    del arrays["3"]


def missing_field(head: dict[str, Any], _arrays: dict[str, Any]) -> None:
    del head["model"]["fields"]["contents"]


def indices_beyond(head: dict[str, Any], arrays: dict[str, Any]) -> None:
    neighbours = head["model"]["fields"]["recommender"]["fields"]["representations"]["fields"][
        "item_neighbours"
    ]
    arrays[neighbours["csr"][1]] += 1_000_000


@pytest.mark.parametrize(
    "change", [other_part, other_tag, no_model, missing_array, missing_field, indices_beyond]
)
def test_what_no_model_is_made_of_is_refused(
    change: Callable[[dict[str, Any], dict[str, Any]], None], model: Recommender, board: Any
) -> None:
    with pytest.raises(SavedModelError, match="It is no saved model"):
        load(rewritten(written(model, board), change))


def test_a_part_that_cannot_be_saved_is_told(model: Recommender, board: Any) -> None:
    saved = SavedModel.of(replace(model, now=NOW.date()), board.postings)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="date is no part of a model"):
        save(saved, io.BytesIO())


def test_a_model_of_another_version_is_refused(
    model: Recommender, board: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.BytesIO()
    with monkeypatch.context() as then:
        then.setattr("app.recommend.incremental.saved_model._form", lambda: "Recommender(postings)")
        save(SavedModel.of(model, board.postings), file)
    file.seek(0)
    with pytest.raises(SavedModelError, match="It is of another version"):
        load(file)
