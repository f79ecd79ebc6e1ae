"""Finds headers of a refused request that the parser did not reach.

The parser stops at the first error, but the response also depends on headers after it: a script may read the response
only if the response names the script's origin, and the caller finds its request in the logs only by its own trace id.
"""

import re

from chatcore_service.http import cors, trace

_SOUGHT = re.compile(
    rb"\n(%b):([^\r\n]*)(?=\r?\n)" % b"|".join(map(re.escape, (cors.ORIGIN, *trace.NAMES))), re.IGNORECASE
)


def unparsed_headers(received: bytes) -> list[tuple[bytes, bytes]]:
    """Returns the complete lines of these bytes that name the origin or a trace id, as names in lower case and values.

    Args:
        received: the bytes in which the error was found.
    """
    return [(name.lower(), value) for name, value in _SOUGHT.findall(received)]
