/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Transports: the ways to agents, which have an address each. "ID", and also
 * "local/ID", is an agent of this process; "PEER/ID" is one of the transport
 * PEER. A transport has a stand-in here for each of its agents, a task that is
 * a server: requests come to its call callback, notifications to its cast
 * callback, mab_message_read() says what they are, mab_reply() answers. It ends
 * with the reason with which the agent did: that is what who has asked is told.
 */
#ifndef MABEAM_TRANSPORT_H
#define MABEAM_TRANSPORT_H

#include <mabeam/agent.h>

#ifdef __cplusplus
extern "C" {
#endif

/* PEER and ID have at most MAB_NAME_MAX bytes each. */
#define MAB_ADDRESS_MAX (2 * MAB_NAME_MAX + 1)
#define MAB_TRANSPORTS_MAX 16
#define MAB_LOCAL "local"

/* On the threads of who speaks with agents, many at once. */
struct mab_transport_ops {
	size_t size;
	/*
	 * The stand-in of an agent. -ENOENT no such agent; -ENOTCONN it does
	 * not run, and *ret_reason says why, NOPROC if it never did; any other
	 * negative errno is told to the caller. A safe point at most: it must
	 * not wait for the agent.
	 */
	int (*find)(const char *id, void *arg, struct sup_pid *ret_pid,
		    struct sup_reason *ret_reason);
	/*
	 * Calls found with the stand-in of each agent that runs and has all of
	 * these capabilities (up to a NULL; NULL: any), until that returns
	 * other than 0, and returns it; found is not a safe point. NULL: none
	 * of its agents is in a broadcast.
	 */
	int (*each)(const char *const *capabilities, void *arg,
		    int (*found)(struct sup_pid pid, void *to), void *to);
};

/*
 * From now on the transport is that of PEER; "local" is there from the
 * beginning. ops and arg must last until no call that has begun before it is
 * unregistered goes on. Any thread. -EEXIST there is one; -EINVAL it is empty,
 * has a '/', or ops is of another version; -ENAMETOOLONG; -ENOSPC there are
 * MAB_TRANSPORTS_MAX.
 */
SUP_API int mab_transport_register(const char *peer,
				   const struct mab_transport_ops *ops,
				   void *arg);

/* Any thread. -ENOENT; -EPERM that of this process. */
SUP_API int mab_transport_unregister(const char *peer);

/*
 * What a message is that a stand-in, or a subscriber (<mabeam/comms.h>), has
 * got; it lasts as long as msg. False: it is none of these. Any thread.
 */
SUP_API bool mab_message_read(const struct sup_msg *msg,
			      struct mab_message *ret_message);

#ifdef __cplusplus
}
#endif

#endif
