"""Issues tokens to the users of the local auth service, and reads them."""

import hmac
import time
from collections.abc import Iterable
from hashlib import sha256

from chatcore.key_ring import Key, keys_in
from chatcore_dev.auth_service.jwt import sign, verified_claims
from chatcore_dev.auth_service.users import USERS

TOKEN_LIFETIME_SECONDS = 30 * 24 * 3600


def mint_token(internal_key: str, name: str, *, lifetime_seconds: float = TOKEN_LIFETIME_SECONDS) -> str:
    """Returns a user's token that a local auth service with this key accepts.

    Args:
        internal_key: the keys, separated by commas; the first key signs the token.
        name: the user's name, `demo` or `admin`.
        lifetime_seconds: the time from now until the token expires.
    """
    user = USERS[name]
    now = int(time.time())
    claims: dict[str, object] = {"sub": user.id, "name": user.name, "iat": now, "exp": now + lifetime_seconds}
    return sign(claims, _signing_secret(keys_in(internal_key)[0]))


def token_claims(token: str, internal_keys: Iterable[Key]) -> dict[str, object]:
    """Returns the claims of a valid token that was signed with one of these keys.

    Raises:
        BadTokenError: the token is not valid.
    """
    return verified_claims(token, [_signing_secret(key) for key in internal_keys], time.time())


def _signing_secret(internal_key: Key) -> bytes:
    # The secret is derived from the internal key, so that there is only one key to keep. A holder of the internal key
    # may impersonate users anyway.
    return hmac.digest(internal_key.text.encode(), b"tokens of the local auth service", sha256)
