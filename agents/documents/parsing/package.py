"""Zip containers, which office documents and e-books are: opening them, and the XML parts of an Office file."""

import posixpath

# Expat itself limits how far entities expand, and readers run in a process with limits.
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from xml.etree.ElementTree import Element

from agents.documents.parsing.formats import damaged
from agents.documents.parsing.zip_container import ZipContainer


@contextmanager
def opened(data: bytes, name: str) -> Generator[zipfile.ZipFile]:
    """Open a zip container.

    Raises:
        DocumentError: It cannot be unpacked.
    """
    try:
        with ZipContainer(data) as container:
            yield container
    except zipfile.BadZipFile as error:
        raise damaged(name, "its zip container cannot be unpacked") from error


class Package:
    """The parts of one file, by their names in its zip container."""

    def __init__(self, container: zipfile.ZipFile, name: str) -> None:
        self._container = container
        self._name = name
        self._members = set(container.namelist())
        self._relations: dict[str, list[tuple[str, str, str]]] = {}

    def part(self, member: str) -> Element | None:
        """Return the root of a part, its tags and attributes without namespaces; None where there is no such part.

        Raises:
            DocumentError: It is not XML.
        """
        if member not in self._members:
            return None
        try:
            root = ElementTree.fromstring(self._container.read(member))  # noqa: S314
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            raise damaged(self._name, f"{member} is not XML ({error})") from error
        # Strict and transitional files, and those of other programs, differ in namespaces only.
        for element in root.iter():
            element.tag = _local(element.tag)
            if element.attrib:
                element.attrib = {_local(key): value for key, value in element.attrib.items()}
        return root

    def related(self, member: str, kind: str) -> list[str]:
        """Return the parts of a kind that a part refers to: "styles", "slideLayout"."""
        return [target for _, found, target in self._of(member) if found == kind]

    def target(self, member: str, relation: str | None) -> str:
        """Return the part that a part means by the identifier of a relation; empty where there is none."""
        return next((target for found, _, target in self._of(member) if found == relation), "")

    def _of(self, member: str) -> list[tuple[str, str, str]]:
        """Return a part's relations: identifier, kind and part of each."""
        if member not in self._relations:
            folder, _, file = member.rpartition("/")
            root = self.part(f"{folder}/_rels/{file}.rels")
            self._relations[member] = [
                (
                    each.get("Id", ""),
                    each.get("Type", "").rpartition("/")[2],
                    posixpath.normpath(posixpath.join("/", folder, each.get("Target", "")))[1:],
                )
                for each in (() if root is None else root)
                if each.get("TargetMode") != "External"
            ]
        return self._relations[member]


def _local(name: str) -> str:
    return name.rpartition("}")[2]
