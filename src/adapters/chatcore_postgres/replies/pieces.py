"""Stores and finds what replies have besides their text."""

from collections.abc import Sequence
from typing import LiteralString

from chatcore.conversations.log import Piece
from chatcore_postgres.driver.arrays import Integers, Texts
from chatcore_postgres.rows import pieces_as_json


def insert_pieces(held: LiteralString) -> LiteralString:
    """Returns the insert of the pieces of :func:`piece_parameters` for the reply that has a row in `held`.

    Pieces that are stored already stay as they are.
    """
    return f"""
    insert into pieces (user_id, message_id, position, text_offset, kind, body)
    select %(user_id)s, %(message_id)s, piece.position, piece.text_offset, piece.kind, piece.body
    from {held} cross join unnest(%(positions)s::bigint[], %(text_offsets)s::bigint[], %(kinds)s::text[],
        %(bodies)s::text[]) as piece (position, text_offset, kind, body)
    on conflict (user_id, message_id, position) do nothing"""  # noqa: S608 - the table is a literal


def text_offset(user_id: LiteralString, message_id: LiteralString, position: LiteralString) -> LiteralString:
    """Returns the expression for how much text of a reply precedes a position of its log."""
    return f"""coalesce((
            select p.text_offset + greatest({position} - p.position - length(p.body), 0)
            from pieces as p
            where p.user_id = {user_id} and p.message_id = {message_id} and p.position <= {position}
            order by p.position desc
            limit 1
        ), {position})"""  # noqa: S608 - the expressions are literals


def pieces_between(
    user_id: LiteralString, message_id: LiteralString, position: LiteralString, room: LiteralString
) -> LiteralString:
    """Returns the expression for the pieces from the one that contains a position of a log to the end of a room."""
    return f"""(
            select {pieces_as_json()}
            from pieces as p
            where p.user_id = {user_id} and p.message_id = {message_id} and p.position >= (
                select coalesce(max(b.position), 0)
                from pieces as b
                where b.user_id = {user_id} and b.message_id = {message_id} and b.position <= {position}
            ) and p.position < {position} + {room}
        )"""  # noqa: S608 - the expressions are literals


def piece_parameters(pieces: Sequence[Piece]) -> dict[str, object]:
    """Returns the parameters that hold pieces, an array for each of their columns."""
    return {
        "positions": Integers([piece.position for piece in pieces]),
        "text_offsets": Integers([piece.text_offset for piece in pieces]),
        "kinds": Texts([piece.kind.value for piece in pieces]),
        "bodies": Texts([piece.body for piece in pieces]),
    }
