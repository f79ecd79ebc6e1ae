"""What all tests share."""

import pytest
from hypothesis import settings

# Without it a failed contract test shows a bare AssertionError: pytest rewrites the asserts of test files only.
pytest.register_assert_rewrite("chatcore.testing")

# The same examples in every run, as many as find what a change breaks; `--hypothesis-profile thorough` looks further,
# at other examples each time. Deadlines would measure the machine, not the code.
settings.register_profile("chatcore", max_examples=50, derandomize=True, deadline=None)
settings.register_profile("thorough", max_examples=2000, deadline=None)
settings.load_profile("chatcore")
