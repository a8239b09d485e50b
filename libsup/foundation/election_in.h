/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Elections from within: the entries, and what the server is asked for. */
#ifndef SUP_FOUNDATION_ELECTION_H
#define SUP_FOUNDATION_ELECTION_H

#include <foundation/election.h>
#include <sup/registry.h>

enum fnd__election_tag {
	FND__CAMPAIGN,		/* the reply's tag: the term */
	FND__PROCLAIM,
	FND__RESIGN,
	FND__WAITING,		/* the reply's tag: how many */
	FND__OBSERVE,
	FND__UNOBSERVE,
	FND__LOOK,		/* a cast: a task has removed its entry */
};

/* The data of all of them. */
struct fnd__election_request {
	int64_t deadline;
	uint64_t term;
	char name[FND_NAME_MAX + 1];
	char proclaimed[FND_PROCLAIMED_MAX + 1];
};

/* Both registries are open when this has returned 0. -ENOSPC; -ENOMEM. */
int fnd__elections_open(void);

/* Of who leads in each; of who observes, many for each. */
struct sup_registry fnd__leaders(void);
struct sup_registry fnd__observers(void);

struct sup_bytes fnd__election_key(const char *name);

/* As sup_registry_put(), and sup_registry_update(). */
int fnd__leader_put(const struct fnd_leader *l);
int fnd__leader_update(const struct fnd_leader *l);

/* All but the name. */
void fnd__leader_read(const struct sup_registry_entry *entry,
		      struct fnd_leader *l);

/* The entry that a task has there; none is no error. -ENOMEM. */
int fnd__elections_remove(struct sup_registry r, const char *name,
			  struct sup_pid pid);

#endif
