"""The API description as one page: no script, no other host, nothing to load."""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

Document = Mapping[str, Any]

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #888; --accent: #0a7d55; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid var(--line); border-radius: .4rem; }
details { border-top: 1px solid var(--line); padding: .5rem 0; }
summary { cursor: pointer; }
.method { display: inline-block; min-width: 4.5rem; font-weight: 700; color: var(--accent); }
.soft { color: var(--soft); }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid var(--line); padding: .25rem .5rem .25rem 0; vertical-align: top; }
td:first-child { white-space: nowrap; }
"""


def render_page(document: Document) -> str:
    """The page."""
    info = document["info"]
    return "".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(info['title'])}</title><style>{STYLE}</style></head><body>",
            f'<h1>{escape(info["title"])} <span class="soft">{escape(info["version"])}</span></h1>',
            f"<p>{_prose(info['description'])}</p>",
            '<p>The same for machines: <a href="/openapi.json">openapi.json</a></p><h2>Paths</h2>',
            *_operations(document),
            "<h2>What any path may answer</h2>",
            *_common_responses(document),
            "<h2>Shapes</h2>",
            *_schemas(document),
            "</body></html>",
        ]
    )


def _operations(document: Document) -> Iterator[str]:
    for path, item in document["paths"].items():
        shared = item.get("parameters", [])
        for method, operation in item.items():
            if method != "parameters":
                yield f'<details><summary><span class="method">{method.upper()}</span> <code>{escape(path)}</code> '
                yield f"{escape(operation['summary'])}</summary>"
                yield from _operation(document, operation, [*shared, *operation.get("parameters", [])])
                yield "</details>"


def _operation(document: Document, operation: Document, parameters: list[Document]) -> Iterator[str]:
    if operation.get("security") == []:
        yield '<p class="soft">Needs no token.</p>'
    if parameters:
        yield f"<h4>Parameters</h4><table>{''.join(_parameter(_resolved(document, p)) for p in parameters)}</table>"
    if "requestBody" in operation:
        yield f"<h4>Body</h4>{''.join(_contents(operation['requestBody']))}"
    common = _common(document)
    yield "<h4>Responses</h4><table>"
    for status, response in operation["responses"].items():
        if response not in common.values():
            yield _response(status, _resolved(document, response))
    yield "</table>"


def _common_responses(document: Document) -> Iterator[str]:
    everywhere, secured = _common(document, public=True), _common(document)
    yield f"<table>{''.join(_response(s, _resolved(document, r)) for s, r in everywhere.items())}</table>"
    yield "<p>And where a token is needed:</p><table>"
    yield "".join(_response(s, _resolved(document, r)) for s, r in secured.items() if s not in everywhere)
    yield "</table>"


def _common(document: Document, *, public: bool = False) -> dict[str, Document]:
    """What every operation may answer that needs a token or, if `public`, really every one.

    Where one describes such a response in its own words, those stand beside it.
    """
    responses = [
        operation["responses"]
        for item in document["paths"].values()
        for method, operation in item.items()
        if method != "parameters" and (public or operation.get("security") != [])
    ]
    shared = {status: response for one in responses for status, response in one.items() if "$ref" in response}
    return {status: shared[status] for status in sorted(shared) if all(status in one for one in responses)}


def _parameter(parameter: Document) -> str:
    name, place = escape(parameter["name"]), escape(parameter["in"])
    values = escape(_values(parameter["schema"]))
    description = _prose(parameter.get("description", ""))
    return (
        f'<tr><td><code>{name}</code> <span class="soft">{place}</span></td>'
        f'<td><span class="soft">{values}</span> {description}</td></tr>'
    )


def _values(schema: Document) -> str:
    """What a parameter may be, in words."""
    parts = [" or ".join(schema["enum"]) if "enum" in schema else schema.get("format", schema["type"])]
    if "maximum" in schema:
        parts.append(f"{schema['minimum']} to {schema['maximum']}")
    if "maxLength" in schema:
        parts.append(f"{schema['minLength']} to {schema['maxLength']} characters")
    if "default" in schema:
        parts.append(f"{schema['default']} by default")
    return f"{', '.join(parts)}."


def _response(status: str, response: Document) -> str:
    names = ", ".join(f"<code>{escape(name)}</code>" for name in response.get("headers", {}) if name != "x-trace-id")
    carried = f'<div class="soft">Headers: {names}</div>' if names else ""
    description = _prose(response["description"])
    return f"<tr><td>{escape(status)}</td><td>{description}{''.join(_contents(response))}{carried}</td></tr>"


def _contents(holder: Document) -> Iterator[str]:
    for media_type, content in holder.get("content", {}).items():
        name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        link = f' <a href="#{escape(name)}">{escape(name)}</a>' if name else ""
        yield f'<div class="soft"><code>{escape(media_type)}</code>{link}</div>'


def _schemas(document: Document) -> Iterator[str]:
    for name, schema in document["components"]["schemas"].items():
        text = escape(json.dumps(schema, indent=2, ensure_ascii=False))
        yield f'<details id="{escape(name)}"><summary>{escape(name)}</summary><pre>{text}</pre></details>'


def _prose(text: str) -> str:
    """Text in which backticks mark code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _resolved(document: Document, part: Document) -> Document:
    pointer = part.get("$ref")
    if pointer is None:
        return part
    _, _, kind, name = pointer.split("/")[0:4]
    resolved: Document = document["components"][kind][name]
    return resolved
