/* SPDX-License-Identifier: 0BSD */
#include <assert.h>
#include <stdio.h>
#include <sup/sup.h>
static int init(void *arg, void **state)
{
	return *(int *)(*state = arg) = 0;	/* each life begins at 0 */
}
static int call(void *state, struct sup_from from, struct sup_msg *msg)
{
	assert(msg->tag != '!');	/* a bug: it ends this thread alone */
	return sup_reply(from, &(struct sup_msg){ .tag = ++*(int *)state });
}
int main(void)
{
	struct sup_server_ops ops = { sizeof(ops), init, .call = call };
	struct sup_server_spec server = { sizeof(server), "counter", true,
		&ops, &(int){ 0 }, .containment = SUP_CONTAIN };
	struct sup_child_spec child = { sizeof(child), "counter",
		.start = sup_server_start, .arg = &server };
	struct sup_supervisor_spec top = { sizeof(top), "top",
		.children = &child, .n_children = 1, .intensity = 3 };
	struct sup_msg n, msg = { 0 };
	struct sup_pid pid;
	if (sup_open(NULL) || sup_supervisor_start(&top, &pid))
		return puts(sup_error()), 1;
	while ((msg.tag = getchar()) != (uint64_t)EOF)
		if (!sup_call(sup_whereis("counter"), &msg, &n, NULL, -1))
			dprintf(1, "%d\n", (int)n.tag);
	return -sup_close();
}
