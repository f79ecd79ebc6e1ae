"""The tests of the benchmark's C tools, and of what needs them."""
