"""A new connection takes the place of an idle one, or is extra."""

from attrs import define, field

from chatcore_service.server.connection_limit import MAX_EXTRA, ConnectionLimit


@define(eq=False)
class Peer:
    """A connection that closes when it is asked to, and leaves the count later."""

    has_given_way: bool = field(default=False, init=False)

    def give_way(self) -> None:
        self.has_given_way = True


def busy_peers(limit: ConnectionLimit, count: int) -> list[Peer]:
    peers = [Peer() for _ in range(count)]
    for peer in peers:
        assert limit.admit(peer)
        limit.mark_busy(peer)
    return peers


def gave_way(peers: list[Peer]) -> list[int]:
    return [index for index, peer in enumerate(peers) if peer.has_given_way]


def test_the_connection_that_has_been_idle_for_the_longest_time_gives_way() -> None:
    limit = ConnectionLimit(3)
    peers = busy_peers(limit, 3)
    for index in (1, 0):
        limit.mark_idle(peers[index])

    newest = Peer()
    assert limit.admit(newest)
    assert gave_way(peers) == [1]
    limit.mark_busy(newest)
    assert limit.admit(Peer())
    assert gave_way(peers) == [0, 1]


def test_a_busy_connection_never_gives_way() -> None:
    limit = ConnectionLimit(2)
    peers = busy_peers(limit, 2)

    assert not limit.admit(Peer())
    assert gave_way(peers) == []


def test_the_oldest_extra_connection_gives_way_to_a_further_one() -> None:
    limit = ConnectionLimit(1)
    busy_peers(limit, 1)
    extra = [Peer() for _ in range(MAX_EXTRA + 2)]

    assert [limit.admit(peer) for peer in extra] == [False] * len(extra)
    assert gave_way(extra) == [0, 1]


def test_an_extra_connection_is_never_idle() -> None:
    limit = ConnectionLimit(1)
    [busy] = busy_peers(limit, 1)
    extra = Peer()
    limit.admit(extra)
    limit.mark_idle(extra)

    assert not limit.admit(Peer())
    limit.leave(busy)
    assert limit.admit(Peer())
    assert not extra.has_given_way


def test_a_connection_that_gave_way_and_is_then_lost_frees_one_place() -> None:
    limit = ConnectionLimit(1)
    first, second, third = Peer(), Peer(), Peer()
    limit.admit(first)
    limit.admit(second)
    limit.leave(first)
    limit.mark_busy(second)

    assert not limit.admit(third)


def test_a_lost_connection_that_is_marked_idle_is_not_counted() -> None:
    limit = ConnectionLimit(1)
    [lost] = busy_peers(limit, 1)
    limit.leave(lost)
    limit.mark_idle(lost)
    busy_peers(limit, 1)

    assert not limit.admit(Peer())
    assert not lost.has_given_way
