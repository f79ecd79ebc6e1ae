"""Describes the programs of the local stack that are packages of `chatcore_dev`."""

import sys
from collections.abc import Mapping

from chatcore_dev.child_process import Program
from chatcore_dev.data_directory import DataDirectory


def service_program(name: str, port: int, data: DataDirectory, environment: Mapping[str, str]) -> Program:
    """Returns the program of the package `chatcore_dev.{name}_service`, on a port on loopback."""
    return Program(
        name=f"The {name} service",
        command=[sys.executable, "-m", f"chatcore_dev.{name}_service", "--port", str(port)],
        log=data.log(name),
        environment=environment,
    )
