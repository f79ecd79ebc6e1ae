"""Tests of the benchmark's own tools. They need a C compiler, as the benchmark does; `make bench` runs them first."""
