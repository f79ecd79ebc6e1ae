"""Reads the plan of a statement from the JSON of EXPLAIN: the rows that are read, and an outline without figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from attrs import frozen

Node = Mapping[str, Any]

_LOOKED_AT = ("Relation Name", "CTE Name", "Function Name")
_UNWANTED = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
_IN_VAIN = "Rows Removed by Join Filter"


class Kind(StrEnum):
    """Says which values a plan is made for; a prepared statement ends up with one plan for any values."""

    GENERIC = "for any values"
    CUSTOM = "for these values"


@frozen
class Plan:
    """Holds the result of EXPLAIN (ANALYZE, BUFFERS) for one statement."""

    sql: str
    kind: Kind
    tree: Node

    def nodes(self) -> Iterator[Node]:
        """Yields all nodes from the top."""
        return _nodes(self.tree)

    def whole_scans(self) -> set[str]:
        """Returns the tables that are read completely, without an index."""
        return {str(node["Relation Name"]) for node in self.nodes() if node["Node Type"] in {"Seq Scan", "Sample Scan"}}

    def rows_read(self, table: str) -> float:
        """Returns how many rows of a table were read, whether they matched or not."""
        return sum(_rows(node) for node in self.nodes() if node.get("Relation Name") == table and _is_scan(node))

    def rows_looked_at(self) -> float:
        """Returns the same for all tables and intermediate results, with the pairs that joins discarded."""
        return self.rows_joined_in_vain() + sum(_rows(node) for node in self.nodes() if _is_scan(node))

    def rows_joined_in_vain(self) -> float:
        """Returns how many pairs of rows the joins compared and discarded."""
        return sum(float(node["Actual Loops"] * node.get(_IN_VAIN, 0)) for node in self.nodes())

    def pages(self) -> int:
        """Returns how many pages of tables and indexes were read."""
        return int(self.tree["Shared Hit Blocks"] + self.tree["Shared Read Blocks"])

    def outline(self) -> str:
        """Returns nodes, indexes and tables as lines, which are the same on every machine."""
        return "\n".join(_lines(self.tree, 0))


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _is_scan(node: Node) -> bool:
    # The rows of a bitmap are counted in the scan above it.
    return "Scan" in node["Node Type"] and node["Node Type"] != "Bitmap Index Scan"


def _rows(node: Node) -> float:
    return float(node["Actual Loops"] * (node["Actual Rows"] + sum(node.get(what, 0) for what in _UNWANTED)))


def _lines(node: Node, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if named := node.get("Subplan Name"):
        # Some versions append the parameter that a subplan returns.
        yield indent + named.partition(" (returns")[0]
        depth, indent = depth + 1, indent + "  "
    yield indent + _line(node)
    for child in node.get("Plans", ()):
        yield from _lines(child, depth + 1)


def _line(node: Node) -> str:
    kind = str(node["Node Type"])
    if kind == "ModifyTable":
        kind = str(node["Operation"])
    if node.get("Join Type", "Inner") != "Inner":
        kind += f" ({node['Join Type'].lower()})"
    if node.get("Scan Direction") == "Backward":
        kind += " backward"
    using = [f"using {node['Index Name']}"] if "Index Name" in node else []
    on = [f"on {node[what]}" for what in _LOOKED_AT if what in node]
    return " ".join([kind, *using, *on])
