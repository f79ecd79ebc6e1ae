"""Terms in the index begin with a hash of their user."""

from chatcore.search.query import QueryTerm
from chatcore_postgres.search.terms import as_query, as_terms


def test_terms_of_two_users_share_nothing() -> None:
    alices, bobs = as_terms("alice", ["walrus", "w"]).split(" "), as_terms("bob", ["walrus", "w"]).split(" ")

    assert {len(term) for term in alices + bobs} == {len("walrus") + 8, len("w") + 8}
    assert len({term[:8] for term in alices}) == len({term[:8] for term in bobs}) == 1
    assert alices[0][:8] != bobs[0][:8]


def test_a_query_has_the_same_terms_whatever_characters_they_have() -> None:
    prefix = as_terms("alice", [""])
    terms = [QueryTerm("walrus"), QueryTerm("it's", is_prefix=True), QueryTerm("a\\b")]

    assert as_query("alice", terms) == f"'{prefix}walrus' & '{prefix}it''s':* & '{prefix}a\\\\b'"
