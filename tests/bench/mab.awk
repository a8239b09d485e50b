# SPDX-License-Identifier: GPL-2.0-or-later
# The figures of agents, for beside.awk. An agent of ours is a thread of the
# kernel's, and costs what one does: its bars are those of a process there,
# which is none, twentyfold.

BEGIN {
	add("mab_start", 0, 20, "DynamicSupervisor.start_child", 77.8)
	figure("mab_lifecycle", 0, 20, "the same there", "2,000", "2,000")
	figure("mab_ask", 0, 1.5, "GenServer.call", "10,000", "10,000")
	figure("mab_assign", 0, 1.0, "a balancer that is a server", 31,
	       1e6 / 79e3)
	add("mab_ask_50", 0, 1.5, "send_request, 50 times", "50,000")
	add("mab_majority_50", 0, 2, "a task that asks them", "50,000")
}
