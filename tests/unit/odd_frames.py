"""Provides frames in all the forms that the event stream format allows, with the token that each carries."""

ODD_FRAMES: dict[bytes, str | None] = {
    b'data:{"token":"no space"}\n\n': "no space",
    b'data: {"token":"CRLF"}\r\n\r\n': "CRLF",
    b'data: {"token":"CR"}\r\r': "CR",
    b'event: message\nid: 7\nretry: 10\ndata: {"token":"fields"}\n\n': "fields",
    b'data: {"token":\ndata: "two lines"}\n\n': "two lines",
    'data: {"token":"👩‍🚀 ü\u2028\u0085"}\n\n'.encode(): "👩‍🚀 ü\u2028\u0085",
    b'data: {"token":"\\ud83d"}\n\n': "\ud83d",
    b'data: {"token":"\\ude00 \\u0000"}\n\n': "\ude00 \x00",
    b'data: {"gpu":0,"token":"other keys","nested":{"token":"inner","done":true}}\n\n': "other keys",
    b'data: {"gpu":0}\n\n': None,
    b'data: {"token":null}\n\n': None,
    b'data: {"token":5}\n\n': None,
    b'data: {"done":false}\n\n': None,
    b"data: [1, 2]\n\n": None,
    b"data: not JSON {\n\n": None,
    b"data:\n\n": None,
    b": hello\n\n": None,
    b": still\n: here\n\n": None,
    b"\n": None,
}
