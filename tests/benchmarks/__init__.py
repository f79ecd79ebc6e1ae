"""The tests of the benchmark that need no C compiler; those in `tools` need one."""
