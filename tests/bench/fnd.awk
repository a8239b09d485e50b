# SPDX-License-Identifier: GPL-2.0-or-later
# The figures of the services, for beside.awk.

BEGIN {
	figure("fnd_lookup", 0, 1.0, "Registry.lookup", 3.1, 1e6 / 354e3)
	figure("fnd_config_get", 0, 1.0, "ets:lookup", 27.5, 1e6 / 33e3)
	figure("fnd_rate_check", 0, 1.5, "ets:update_counter", 8.9, 1e6 / 80e3)
	figure("fnd_count", 0, 1.5, "ets:update_counter", 4.5, 1e6 / 196e3)
	figure("fnd_lock", 0, 1.0, "two calls of a server", 14.5, 1e6 / 12e3)
	figure("fnd_event_store", 1, 0.5, "SQLite", 37.6, 1e6 / 22e3)
}

