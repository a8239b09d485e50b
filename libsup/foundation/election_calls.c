/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Elections: the two registries, and what callers do (election.c). */
#include "foundation/election_in.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <sup/sup.h>

#include "foundation/coord.h"
#include "foundation/service.h"
#include "foundation/token.h"

/* The value of the entry of who leads. */
struct record {
	uint64_t term;
	char proclaimed[FND_PROCLAIMED_MAX + 1];
};

static _Atomic uint64_t leaders_id, observers_id;

struct sup_registry fnd__leaders(void)
{
	return (struct sup_registry){ atomic_load(&leaders_id) };
}

struct sup_registry fnd__observers(void)
{
	return (struct sup_registry){ atomic_load(&observers_id) };
}

struct sup_bytes fnd__election_key(const char *name)
{
	return (struct sup_bytes){ name, strlen(name) };
}

int fnd__elections_open(void)
{
	int ret;

	fnd__tokens_begin();
	ret = fnd__registry_open(&leaders_id, false);
	return ret ? ret : fnd__registry_open(&observers_id, true);
}

static struct record record_of(const struct fnd_leader *l)
{
	struct record record = { .term = l->term };

	strcpy(record.proclaimed, l->proclaimed);
	return record;
}

int fnd__leader_put(const struct fnd_leader *l)
{
	struct record record = record_of(l);
	struct sup_bytes value = { &record, sizeof(record) };

	return sup_registry_put(fnd__leaders(), l->pid,
				fnd__election_key(l->name), value, NULL);
}

int fnd__leader_update(const struct fnd_leader *l)
{
	struct record record = record_of(l);
	struct sup_bytes value = { &record, sizeof(record) };

	return sup_registry_update(fnd__leaders(), l->pid,
				   fnd__election_key(l->name), value);
}

void fnd__leader_read(const struct sup_registry_entry *entry,
		      struct fnd_leader *l)
{
	struct record record;

	memcpy(&record, entry->value.data, sizeof(record));
	l->pid = entry->pid;
	l->term = record.term;
	strcpy(l->proclaimed, record.proclaimed);
}

int fnd__elections_remove(struct sup_registry r, const char *name,
			  struct sup_pid pid)
{
	struct sup_bytes key = fnd__election_key(name);
	struct sup_registry_query q = { .key = &key, .pid = pid };

	return r.v ? sup_registry_remove(r, &q) : 0;
}

int fnd__election_leader(const char *name, struct fnd_leader *ret_leader)
{
	struct sup_bytes key = fnd__election_key(name);
	struct sup_registry_query q = { .key = &key };
	struct sup_registry_entry *entry = NULL;
	size_t n;
	int ret = 0;

	if (fnd__leaders().v)
		ret = sup_registry_select(fnd__leaders(), &q, &entry, &n);
	if (ret)
		return ret;
	if (!entry)
		return sup_set_error(-ENOENT, "name: nobody leads in \"%s\"",
				     name);
	*ret_leader = (struct fnd_leader){ .pid = SUP_PID_NONE };
	strcpy(ret_leader->name, name);
	fnd__leader_read(entry, ret_leader);
	free(entry);
	return 0;
}

static int request(enum fnd__election_tag tag, const char *name,
		   struct fnd__election_request *req, uint64_t *ret_tag)
{
	struct fnd__election_request none = { .deadline = SUP_FOREVER };

	if (!req)
		req = &none;
	strcpy(req->name, name);
	return fnd__ask(FND__ELECTIONS, tag, req, sizeof(*req), ret_tag);
}

static bool has_gone(int error)
{
	return error == -EPIPE || error == -ENOTCONN;
}

/* The caller does not lead, even if an entry says so; the server must know. */
static int lead_no_more(const char *name)
{
	struct fnd__election_request req = { .deadline = SUP_FOREVER };
	int ret;

	strcpy(req.name, name);
	ret = fnd__elections_remove(fnd__leaders(), name, sup_self());
	if (!ret)
		fnd__tell(FND__ELECTIONS, &(struct sup_msg){
			.tag = FND__LOOK, .data = &req, .len = sizeof(req),
		});
	return ret;
}

static int not_elected(const char *name, int error)
{
	switch (error) {
	case -EPIPE:
	case -ENOMEM:
		/* Whether it had put our entry is not known. */
		while (lead_no_more(name) == -ENOMEM)
			;
		if (error == -EPIPE)
			return sup_set_error(error, "the service has ended "
					     "meanwhile");
		return fnd__nomem("a candidate");
	case -EAGAIN:
	case -ETIMEDOUT:
		return sup_set_error(error, "another leads in \"%s\"", name);
	}
	return error;
}

int fnd__election_campaign(const char *name, const char *proclaimed,
			   int64_t deadline, uint64_t *ret_term)
{
	struct fnd__election_request req = { .deadline = deadline };
	int ret;

	sup_checkpoint();
	if (fnd__leaders().v &&
	    sup_registry_whereis(fnd__leaders(), fnd__election_key(name)).v ==
	    sup_self().v)
		return sup_set_error(-EDEADLK, "name: the caller leads in "
				     "\"%s\"", name);
	strcpy(req.proclaimed, proclaimed);
	ret = request(FND__CAMPAIGN, name, &req, ret_term);
	return ret ? not_elected(name, ret) : 0;
}

static int does_not_lead(const char *name)
{
	return sup_set_error(-EPERM, "the caller does not lead in \"%s\" by "
			     "this term", name);
}

int fnd__election_proclaim(const char *name, uint64_t term,
			   const char *proclaimed)
{
	struct fnd__election_request req = { .term = term };
	int ret;

	strcpy(req.proclaimed, proclaimed);
	ret = request(FND__PROCLAIM, name, &req, NULL);
	return ret == -EPERM ? does_not_lead(name) : ret;
}

int fnd__election_resign(const char *name, uint64_t term)
{
	struct fnd__election_request req = { .term = term };
	struct fnd_leader now;
	int ret;

	sup_checkpoint();
	ret = fnd__election_leader(name, &now);
	if (ret == -ENOENT ||
	    (!ret && (now.pid.v != sup_self().v || now.term != term)))
		return does_not_lead(name);
	if (!ret)
		ret = request(FND__RESIGN, name, &req, NULL);
	if (has_gone(ret))
		return lead_no_more(name);
	return ret;
}

int fnd__election_waiting(const char *name, unsigned int *ret_n)
{
	uint64_t n = 0;
	int ret;

	ret = request(FND__WAITING, name, NULL, &n);
	if (!ret)
		*ret_n = n;
	return ret;
}

/*
 * Twice: a server that has ended may have left our entry to the next one. When
 * that is removed, one that does not run yet will not find it.
 */
int fnd__election_unobserve(const char *name)
{
	int ret;

	ret = request(FND__UNOBSERVE, name, NULL, NULL);
	if (!has_gone(ret))
		return ret;
	ret = fnd__elections_remove(fnd__observers(), name, sup_self());
	if (!ret)
		ret = request(FND__UNOBSERVE, name, NULL, NULL);
	return has_gone(ret) ? 0 : ret;
}

int fnd__election_observe(const char *name)
{
	int ret;

	ret = request(FND__OBSERVE, name, NULL, NULL);
	if (!ret)
		return 0;
	while (fnd__election_unobserve(name) == -ENOMEM)
		;
	switch (ret) {
	case -EAGAIN:
		return sup_set_error(ret, "the caller has no room for a "
				     "message");
	case -EPIPE:
		return sup_set_error(ret, "the service has ended meanwhile");
	case -ENOMEM:
		return fnd__nomem("an observer");
	}
	return ret;
}
