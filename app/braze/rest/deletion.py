"""Deletes a member's profile by `POST /users/delete`, which nothing undoes.

Source: braze.com/docs/api/endpoints/user_data/post_user_delete (up to 50 ids, permission `users.delete`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from app.braze.rest.workspace import KEY, WHO, said_in
from app.sync.answers import fate_of
from app.sync.definition import SyncError

if TYPE_CHECKING:
    from app.braze.rest.workspace import BrazeWorkspace

PATH: Final = "/users/delete"


def delete_profile(workspace: BrazeWorkspace, member_id: str) -> int:
    """Delete a member's profile; gives how many Braze says that were.

    Raises:
        SyncError: Braze did not say that it has done so.
    """
    answer = workspace.exchange("POST", PATH, json.dumps({"external_ids": [member_id]}).encode())
    fate = fate_of(answer, who=WHO, refused=lambda _body: {}, said=said_in, key=KEY)
    if fate.meaning != "taken":
        raise SyncError(f"{fate.sentence} Nothing was erased here either: run it again.")
    try:
        deleted = json.loads(answer.body)["deleted"]
    except (ValueError, KeyError, TypeError, RecursionError):
        deleted = None
    if not isinstance(deleted, int):
        raise SyncError(
            f"{WHO} does not say how many profiles it deleted. Nothing was erased here either: run it again."
        )
    return deleted
