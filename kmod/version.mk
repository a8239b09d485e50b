# SPDX-License-Identifier: GPL-2.0-only
# The version of module, library and tools, for make; this is the one place.
SUP_VERSION := 0.1.0
