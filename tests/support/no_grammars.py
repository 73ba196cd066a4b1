"""Importing this keeps jsonschema from compiling 38 grammars for addresses that are not plain ASCII, 3 s of CPU time.

It compiles them whenever it is imported, and nbformat imports it. No schema here has such an address: none has the format
``iri`` or ``iri-reference``. Where the package is missing, jsonschema does without, so this makes it missing.
"""

from __future__ import annotations

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # an import of it raises ModuleNotFoundError
