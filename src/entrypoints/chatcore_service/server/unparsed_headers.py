"""Finds headers of a refused request that the parser did not reach.

The parser stops at the first error, but the response also depends on headers after it: a script may read the response
only if the response names the script's origin, and the caller finds its request in the logs only by its own trace id.
"""

import re

from chatcore_service.http import cors, trace

_SOUGHT = re.compile(
    rb"\n(%b):([^\r\n]*)(?=\r?\n)" % b"|".join(map(re.escape, (cors.ORIGIN, *trace.NAMES))), re.IGNORECASE
)

_END = re.compile(rb"\n\r?\n")


def unparsed_headers(received: bytes) -> list[tuple[bytes, bytes]]:
    """Returns the complete lines that name the origin or a trace id, as names in lower case and values.

    Args:
        received: the bytes in which the error was found, from a line of the refused request on. What follows its
            headers may belong to another request and is left out.
    """
    end = _END.search(received)
    within = received if end is None else received[: end.end()]
    return [(name.lower(), value) for name, value in _SOUGHT.findall(within)]
