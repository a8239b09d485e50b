/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exit/ids.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include <sup/process.h>

#include "base/alloc.h"
#include "base/error.h"

#define BUF_MIN 1024
#define BUF_MAX (1024 * 1024)

static bool parse_id(const char *text, unsigned int *ret_id)
{
	unsigned long id;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	id = strtoul(text, &end, 10);
	/* The highest means "leave it" to the system calls. */
	if (*end || errno || id >= UINT_MAX)
		return false;
	*ret_id = id;
	return true;
}

/* *ret_buf holds what pw points to, and is the caller's. 0: found. */
static int find_user(const char *name, struct passwd *pw, char **ret_buf)
{
	struct passwd *found = NULL;
	unsigned int id;
	size_t size;
	char *buf;
	int err;

	for (size = BUF_MIN; size <= BUF_MAX; size *= 2) {
		buf = sup__alloc(size);
		if (!buf)
			return -ENOMEM;
		err = parse_id(name, &id) ?
		      getpwuid_r(id, pw, buf, size, &found) :
		      getpwnam_r(name, pw, buf, size, &found);
		if (!err && found) {
			*ret_buf = buf;
			return 0;
		}
		sup__free(buf);
		if (err != ERANGE)
			return err ? -err : -ESRCH;
	}
	return -ERANGE;
}

static int find_group(const char *name, gid_t *ret_gid)
{
	struct group group, *found = NULL;
	size_t size;
	char *buf;
	int err;

	if (parse_id(name, ret_gid))
		return 0;
	for (size = BUF_MIN; size <= BUF_MAX; size *= 2) {
		buf = sup__alloc(size);
		if (!buf)
			return -ENOMEM;
		err = getgrnam_r(name, &group, buf, size, &found);
		if (!err && found)
			*ret_gid = group.gr_gid;
		sup__free(buf);
		if (err != ERANGE)
			return found ? 0 : err ? -err : -ESRCH;
	}
	return -ERANGE;
}

static int init_group(struct sup__ids *ids, const char *name)
{
	int ret = find_group(name, &ids->gid);

	if (ret == -ESRCH)
		return sup__error(ret, "group: there is no \"%s\"", name);
	if (ret)
		return sup__error_sys(ret, "group \"%s\"", name);
	ids->set_gid = true;
	return 0;
}

/* Those that the user is listed in, and gid. */
static int user_groups(struct sup__ids *ids, const char *name)
{
	gid_t *groups;
	int n = 16, room;

	do {
		room = n;
		groups = sup__calloc(room, sizeof(*groups));
		if (!groups)
			return sup__error_nomem("groups");
		if (getgrouplist(name, ids->gid, groups, &n) >= 0)
			break;
		sup__free(groups);
	} while (n > room);
	if (n > room)
		return sup__error(-EIO, "groups of user \"%s\"", name);
	ids->groups = groups;
	ids->n_groups = n;
	ids->set_groups = true;
	return 0;
}

/* A number needs no entry, if a group is given. */
static int init_user(struct sup__ids *ids, const struct sup_process_spec *spec)
{
	bool by_number = parse_id(spec->user, &ids->uid);
	struct passwd pw;
	char *buf = NULL;
	int ret;

	ret = find_user(spec->user, &pw, &buf);
	if (ret && ret != -ESRCH)
		return sup__error_sys(ret, "user \"%s\"", spec->user);
	if (ret && !by_number)
		return sup__error(ret, "user: there is no \"%s\"", spec->user);
	if (ret && !ids->set_gid)
		return sup__error(-EINVAL, "user %s has no entry, so group "
				  "must be given", spec->user);
	ids->set_uid = true;
	if (ret) {
		/* In no group but that one. */
		ids->set_groups = true;
		return 0;
	}
	ids->uid = pw.pw_uid;
	if (!ids->set_gid)
		ids->gid = pw.pw_gid;
	ids->set_gid = true;
	ret = spec->groups ? 0 : user_groups(ids, pw.pw_name);
	sup__free(buf);
	return ret;
}

static int init_groups(struct sup__ids *ids, const char *const *names)
{
	size_t n = 0, i;
	int ret;

	while (names[n])
		n++;
	ids->groups = sup__calloc(n + 1, sizeof(*ids->groups));
	if (!ids->groups)
		return sup__error_nomem("groups");
	for (i = 0; i < n; i++) {
		ret = find_group(names[i], &ids->groups[i]);
		if (ret == -ESRCH)
			return sup__error(ret, "groups[%zu]: there is no "
					  "\"%s\"", i, names[i]);
		if (ret)
			return sup__error_sys(ret, "groups[%zu] \"%s\"", i,
					      names[i]);
	}
	ids->n_groups = n;
	ids->set_groups = true;
	return 0;
}

int sup__ids_init(struct sup__ids *ids, const struct sup_process_spec *spec)
{
	int ret = 0;

	memset(ids, 0, sizeof(*ids));
	if (spec->group)
		ret = init_group(ids, spec->group);
	if (!ret && spec->user)
		ret = init_user(ids, spec);
	if (!ret && spec->groups)
		ret = init_groups(ids, spec->groups);
	if (ret)
		sup__ids_fini(ids);
	return ret;
}

void sup__ids_fini(struct sup__ids *ids)
{
	sup__free(ids->groups);
	memset(ids, 0, sizeof(*ids));
}
