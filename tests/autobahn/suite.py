"""The cases of Autobahn's WebSocket test suite, which are written in Python 2, as classes of Python 3.

Their payloads are strings of bytes. Here each is a string of characters below 256, as the sources are when read as Latin-1, and
`run.py` makes bytes of them at the wire. Beyond that they differ in a few expressions; what is not known here fails on import.
"""

import binascii
import builtins
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
import types

from autobahn.websocket.utf8validator import Utf8Validator

#: Where pip put the suite. It is found, but not imported.
FOLDER = os.path.join(importlib.util.find_spec("autobahntestsuite").submodule_search_locations[0])
CASES = os.path.join(FOLDER, "case")

#: What Python 3 writes otherwise, each as a pattern and what takes its place.
REWRITES = [
    (r"^(\s*)print\b.*$", r"\1pass"),
    (r"\(object, Case, ?\)", "(Case, )"),
    (r"binascii\.b2a_hex\(", "hex_of("),
    (r"\bxrange\(", "range("),
    (r"len\(self\.payload\) / self", "len(self.payload) // self"),
    # Names that the library has since changed.
    (r"\brequestNoContextTakeover\b", "request_no_context_takeover"),
    (r"\brequestMaxWindowBits\b", "request_max_window_bits"),
    (r"\bacceptNoContextTakeover\b", "accept_no_context_takeover"),
    (r"\bacceptMaxWindowBits\b", "accept_max_window_bits"),
    # A case without an end, which the suite does not run either.
    (r"^from case9_9_1 import \*$", ""),
]


def hex_of(payload):
    """The hexadecimal digits of a payload, as text."""
    return binascii.b2a_hex(payload if isinstance(payload, bytes) else payload.encode("latin-1")).decode()


class Utf8ValidatorOfText(Utf8Validator):
    """Judges payloads as they are here."""

    def validate(self, payload):
        return super().validate(payload.encode("latin-1"))


class Loader(importlib.machinery.SourceFileLoader):
    """Reads a module of the cases as Latin-1, and rewrites it."""

    def source_to_code(self, data, path, **_):
        text = data.decode("latin-1").replace("\r\n", "\n")
        text = re.sub(r"\A# coding=utf-8", "", text)
        for pattern, replacement in REWRITES:
            text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
        return compile(text, path, "exec", dont_inherit=True)

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of the cases, which import each other by bare names."""

    def find_spec(self, fullname, path=None, target=None):
        file = os.path.join(CASES, fullname + ".py")
        if re.fullmatch(r"case\w*", fullname) is None or not os.path.exists(file):
            return None
        return importlib.util.spec_from_file_location(fullname, file, loader=Loader(fullname, file))


def load():
    """All cases by their id, `1.1.1` and so on, in the suite's order."""
    builtins.hex_of = hex_of
    sys.modules["autobahn.websocket.utf8validator"].Utf8Validator = Utf8ValidatorOfText
    resources = types.ModuleType("pkg_resources")
    resources.resource_filename = lambda _, name: os.path.join(FOLDER, name)
    sys.modules["pkg_resources"] = resources
    sys.meta_path.insert(0, Finder())

    import case

    # Pickles of equal lists differ in Python 3 by which objects are the same.
    case.Case.compare = lambda _, one, other: one == other
    hall = os.path.join(CASES, "__init__.py")
    all_cases = {"__name__": "cases"}
    exec(Loader("cases", hall).get_code("cases"), all_cases)
    sys.modules["autobahn.websocket.utf8validator"].Utf8Validator = Utf8Validator
    return {".".join(case.__name__.removeprefix("Case").split("_")): case for case in all_cases["Cases"]}
