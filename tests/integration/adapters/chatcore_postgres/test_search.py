"""A search finds all that has a word, page after page, whether few or very many texts have it."""

import psycopg
import pytest

from chatcore import User
from chatcore.search.use_cases import Search
from chatcore_postgres import PostgresStorage
from chatcore_postgres.search.terms import as_terms

_ALICE = User(id="alice")
# Of the words that the newest conversations lack, more messages have the otter than the index of terms is asked for.
_CONVERSATIONS, _MESSAGES = 80, 30

# The newest conversation has number 1. Every seventh conversation has the walrus in its title only.
_FILL = f"""
insert into conversations (user_id, id, title, title_source, model_tag, next_position, created_at, updated_at)
select 'alice', md5('c' || n)::uuid,
    concat_ws(' ', 'a', case when n % 7 = 0 then 'walrus' end, case when n % 14 = 0 then 'heron' end), 'user',
    'default', {_MESSAGES} + 1, now(), now() - n * interval '1 hour'
from generate_series(1, {_CONVERSATIONS}) as n;
insert into messages (user_id, id, conversation_id, position, role, content, status, created_at)
select 'alice', md5(n || '-' || p)::uuid, md5('c' || n)::uuid, p, 'user',
    concat_ws(' ', 'a', case when n % 7 > 0 then 'walrus' end, case when n > 8 then 'otter' end,
        case when n > 8 and n % 2 = 0 and n % 7 > 0 and p = 3 then 'heron' end),
    'complete', now()
from generate_series(1, {_CONVERSATIONS}) as n, generate_series(1, {_MESSAGES}) as p;
insert into search_terms (user_id, message_id, conversation_id, position, text_bytes, terms)
select user_id, id, conversation_id, position, octet_length(content),
    array_to_tsvector(array(select '{as_terms(_ALICE.id, [""])}' || unnest(string_to_array(content, ' '))))
from messages;
insert into search_titles (user_id, conversation_id, title, terms)
select user_id, id, title,
    array_to_tsvector(array(select '{as_terms(_ALICE.id, [""])}' || unnest(string_to_array(title, ' '))))
from conversations;
analyze
"""  # noqa: S608 - the only values are the constants above

_HAVE = """
select id, not exists (
    select from messages as m where m.conversation_id = c.id and strpos(m.content, %(word)s) > 0
)
from conversations as c
where strpos(title, %(word)s) > 0
    or exists (select from messages as m where m.conversation_id = c.id and strpos(m.content, %(word)s) > 0)
order by updated_at desc
"""


@pytest.mark.parametrize(
    ("query", "word", "sizes"),
    [
        ("walrus", "walrus", [20, 20, 20, 20]),
        ("w", "walrus", [20, 20, 20, 20]),
        ("otter", "otter", [20, 20, 20, 12]),
        ("heron", "heron", [20, 16]),
        ("otter h", "heron", [20, 11]),
    ],
)
async def test_what_has_a_word_is_found_page_after_page(
    database_url: str, query: str, word: str, sizes: list[int]
) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(_FILL.encode())
        expected = await (await connection.execute(_HAVE, {"word": word})).fetchall()
    async with PostgresStorage(database_url) as storage:
        search = Search(index=storage)

        pages = [await search.find(_ALICE, query)]
        while pages[-1].next_cursor is not None:
            pages.append(await search.find(_ALICE, query, cursor=pages[-1].next_cursor))
        nothing = await search.find(User(id="bob"), query)

    results = [(result.conversation.id, result.message_id is None) for page in pages for result in page.results]
    # A title without the otter is not found by it.
    assert results == [row for row in expected if " " not in query or not row[1]]
    assert [len(page.results) for page in pages] == sizes
    assert nothing.results == ()
