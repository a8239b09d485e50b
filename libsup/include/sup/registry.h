/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of tasks, unique in the process (OTP register/2, whereis/1), and
 * registries: keys of any bytes, each with one task or many, and values
 * (Elixir's Registry). What a task has goes with it, before anyone is told of
 * its end. Looking takes no lock, and waits for nobody. All calls: any thread.
 */
#ifndef SUP_REGISTRY_H
#define SUP_REGISTRY_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SUP_NAME_MAX 63

/*
 * Gives a living task a name, until it ends or is unregistered.
 * Errors: -EEXIST it is taken by a living task; -ESRCH no such task; -EINVAL
 * empty or NULL; -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int sup_register(const char *name, struct sup_pid pid);

/* Takes a name away. -ENOENT nobody has it; -EINVAL NULL. */
SUP_API int sup_unregister(const char *name);

/* The task with that name, or SUP_PID_NONE. */
SUP_API struct sup_pid sup_whereis(const char *name);

/* Names a registry; one that was closed is never meant again. */
struct sup_registry {
	uint64_t v;
};

struct sup_bytes {
	const void *data;
	size_t len;
};

#define SUP_REGISTRIES_MAX 256

struct sup_registry_spec {
	size_t size;
	const char *name;	/* to find it by; NULL: none */
	bool duplicate;		/* a key may have many entries; else one */
	/* They get a message of each put and remove, not of ends. */
	const struct sup_pid *listeners;
	size_t n_listeners;
};

/*
 * Opens one; the spec is copied. -EINVAL; -EEXIST the name is taken; -ENOSPC
 * too many; -ENAMETOOLONG; -ENOMEM. Close only when no other call on it is
 * under way. All other calls: -ENOENT there is no such registry.
 */
SUP_API int sup_registry_open(const struct sup_registry_spec *spec,
			      struct sup_registry *ret_registry);
SUP_API int sup_registry_close(struct sup_registry r);
SUP_API int sup_registry_find(const char *name, struct sup_registry *ret);

/*
 * Puts a task under a key, with a value, which is copied. Any thread may do so
 * for any task (in Elixir only the task itself). Errors: -EEXIST the key is
 * taken, by *ret_holder, which may be NULL; -ESRCH no such task; -EINVAL an
 * empty key; -ENOMEM.
 */
SUP_API int sup_registry_put(struct sup_registry r, struct sup_pid pid,
			     struct sup_bytes key, struct sup_bytes value,
			     struct sup_pid *ret_holder);

/* How a server is named in a registry without duplicates: sup_server_spec. */
struct sup_via {
	struct sup_registry registry;
	struct sup_bytes key, value;
};

struct sup_registry_entry {
	struct sup_pid pid;
	struct sup_bytes key, value;
};

/* What is looked for: members that are not set match all. */
struct sup_registry_query {
	const struct sup_bytes *key;
	struct sup_pid pid;
	/* Called with no lock held, on a copy. */
	bool (*match)(const struct sup_registry_entry *e, void *arg);
	void *arg;
};

/* Removes the entries of one task that match; none is no error. -ENOMEM. */
SUP_API int sup_registry_remove(struct sup_registry r,
				const struct sup_registry_query *q);

/*
 * Another value for the key that the task has. -ENOKEY it has not; -EPERM in
 * one with duplicates; -ENOMEM.
 */
SUP_API int sup_registry_update(struct sup_registry r, struct sup_pid pid,
				struct sup_bytes key, struct sup_bytes value);

/* The task, or the first of them, under a key, or SUP_PID_NONE. */
SUP_API struct sup_pid sup_registry_whereis(struct sup_registry r,
					    struct sup_bytes key);

/*
 * Copies of the entries that match; those of one key in the order in which they
 * were put. *ret_entries is one block, to free(3); NULL if there are none, or
 * if ret_entries is NULL, for the count alone. -ENOMEM.
 */
SUP_API int sup_registry_select(struct sup_registry r,
				const struct sup_registry_query *q,
				struct sup_registry_entry **ret_entries,
				size_t *ret_n);

/* Calls cb once, here, with the entries of a key, if there are any. -ENOMEM. */
SUP_API int sup_registry_dispatch(struct sup_registry r, struct sup_bytes key,
				  void (*cb)(const struct sup_registry_entry *e,
					     size_t n, void *arg), void *arg);

/*
 * Data of the registry itself. An empty value takes the key away. *ret_value
 * is the caller's, to free(3). -ENOKEY no such key; -EINVAL empty; -ENOMEM.
 */
SUP_API int sup_registry_set_meta(struct sup_registry r, struct sup_bytes key,
				  struct sup_bytes value);
SUP_API int sup_registry_get_meta(struct sup_registry r, struct sup_bytes key,
				  void **ret_value, size_t *ret_len);

/*
 * What listeners get as the data of a message with one of these tags: key and
 * value are behind it. Who has no room is left out.
 */
#define SUP_REGISTRY_PUT	UINT64_C(0x7375702d72656731)
#define SUP_REGISTRY_REMOVED	UINT64_C(0x7375702d72656732)

__extension__ struct sup_registry_event {
	struct sup_registry registry;
	struct sup_pid pid;
	size_t key_len, value_len;
	unsigned char bytes[];
};

#ifdef __cplusplus
}
#endif

#endif
