"""A model that was kept ranks as it did, knows nobody's name, and runs nothing when it is read."""

from __future__ import annotations

import io
import pickle
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from app.board.model import Status
from app.recommend.incremental.saved_model import Kept, KeptModelError, keep, read, write
from app.recommend.incremental.update import carry
from tests.unit.recommend.conftest import NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.board.model import Posting
    from app.recommend.recommender import Recommender


def written(model: Recommender, board: Any) -> bytes:
    file = io.BytesIO()
    write(keep(model, board.postings), file)
    return file.getvalue()


def thawed(model: Recommender, board: Any) -> Kept:
    return read(io.BytesIO(written(model, board)))


def ids(model: Recommender, board: Any, positions: list[int]) -> list[list[str]]:
    return [
        [each.posting_id for each in ranked] for ranked in model.rank(positions, board.profiles(positions))
    ]


def test_it_ranks_as_the_model_did_to_the_last_bit_of_every_score(
    crowd: Any, crowd_model: Recommender
) -> None:
    carried = carry(thawed(crowd_model, crowd), crowd.postings, now=NOW + timedelta(hours=5))
    again = carried.about(crowd.activity, crowd.members)
    everybody = range(len(crowd.members))
    ours, theirs = (model.rank(everybody, crowd.members) for model in (again, crowd_model))
    assert ours == theirs
    assert [[each.score for each in one] for one in ours] == [[each.score for each in one] for one in theirs]
    assert again.representations.members.tobytes() == crowd_model.representations.members.tobytes()


def test_it_holds_no_members_id(model: Recommender, board: Any) -> None:
    content = written(model, board)
    assert b"p0001" in content
    assert not [member.id for member in board.members if member.id.encode() in content]


def test_a_new_posting_is_among_the_postings_it_ranks_and_is_like_those_it_shares_attributes_with(
    crowd: Any, crowd_model: Recommender, new_posting: Callable[..., Posting]
) -> None:
    new = new_posting(360, opened_at=NOW)
    carried = carry(thawed(crowd_model, crowd), [*crowd.postings, new], now=NOW)
    model = carried.about(crowd.activity, crowd.members)
    lists = ids(model, crowd, list(range(200)))
    fitting = [
        one for one, member in zip(lists, crowd.members, strict=True) if member.categories == new.categories
    ]
    assert sum(new.id in one for one in fitting) > len(fitting) / 4
    by_id = {each.id: each for each in crowd.postings}
    assert {by_id[each].categories for each in carried.like({new.id})} == {new.categories}
    assert carried.like(set()) == set()


def test_a_posting_that_says_something_else_is_replaced_and_one_that_closed_is_gone(
    crowd: Any, crowd_model: Recommender
) -> None:
    shown = ids(crowd_model, crowd, [0])[0]
    changes: dict[str, dict[str, Any]] = {
        shown[0]: {"title": "다른 제목"},
        shown[1]: {"status": Status.CLOSED},
    }
    postings = [replace(each, **changes.get(each.id, {})) for each in crowd.postings]
    carried = carry(thawed(crowd_model, crowd), postings, now=NOW)
    assert carried.replaced == {shown[0]}
    assert set(carried.open_ids()) == {each.id for each in crowd.postings} - {shown[1]}
    model = carried.about(crowd.activity, crowd.members)
    assert shown[1] not in ids(model, crowd, [0])[0]
    assert [each for each in model.catalogue.ids if each == shown[0]] == [shown[0]] * 2


def test_a_posting_that_opens_again_is_shown_again(crowd: Any) -> None:
    closed = replace(crowd, postings=[replace(crowd.postings[0], status=Status.CLOSED), *crowd.postings[1:]])
    kept = thawed(closed.fit(), closed)
    assert crowd.postings[0].id not in carry(kept, closed.postings, now=NOW).open_ids()
    again = carry(kept, crowd.postings, now=NOW)
    assert crowd.postings[0].id in again.open_ids()
    assert not again.replaced
    assert np.array_equal(again.late, [0])


class Runs:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))


def test_reading_runs_nothing_and_says_what_it_refused(tmp_path: Path) -> None:
    content = pickle.dumps(Runs(tmp_path / "made"))
    with pytest.raises(KeptModelError, match="is no part of a model"):
        read(io.BytesIO(content))
    assert not (tmp_path / "made").exists()


def test_a_model_of_another_version_is_refused(
    model: Recommender, board: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.BytesIO()
    with monkeypatch.context() as then:
        then.setattr("app.recommend.incremental.saved_model._form", lambda: "Model(postings)")
        write(keep(model, board.postings), file)
    file.seek(0)
    with pytest.raises(KeptModelError, match="It is of another version"):
        read(file)
