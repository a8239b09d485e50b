# SPDX-License-Identifier: GPL-2.0-or-later
"""Prints the files that python3 reads to start and to import some modules."""

import encodings.ascii
import encodings.idna
import encodings.latin_1
import encodings.utf_8
import importlib
import os
import sys

for name in sys.argv[1:]:
    importlib.import_module(name)
for module in list(sys.modules.values()):
    for path in (getattr(module, "__file__", None),
                 getattr(module, "__cached__", None)):
        if path and os.path.isfile(path):
            print(path)
