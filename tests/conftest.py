"""What all tests share."""

import pytest

# Without it a failed contract test shows a bare AssertionError: pytest rewrites the asserts of test files only.
pytest.register_assert_rewrite("chatcore.testing")
