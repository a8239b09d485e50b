/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The settings of the process. They are not the service's, which may end at any
 * safe point: nothing in here is one, so what it has begun is done. What a
 * change needs is made first, then the file is replaced, and then nothing can
 * fail any more.
 *
 * Readers take no lock, and wait for nobody: there are two copies of all
 * values. The last bit of the turn says which one is read. The other one is
 * written, the turn moves on, then the first one is written. Who has read
 * while the turn moved reads again. Every word is an atomic, so that what such
 * a one sees is wrong, but no race.
 *
 * A schema is never freed, for somebody may read: there are as many as the
 * program has begun different ones. A service that begins with one that is
 * there goes on with what that has.
 */
#include "foundation/config_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <sup/error.h>

#include "foundation/config_value.h"
#include "foundation/service.h"

#define HISTORY 100
#define WORD sizeof(uint64_t)

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct fnd__config *all;
static _Atomic(struct fnd__config *) current;

static size_t n_words(const struct fnd_config_entry *e)
{
	return e->value.kind == FND_CONFIG_STRING ?
		(FND__CONFIG_TEXT + WORD - 1) / WORD : 1;
}

void fnd__config_publish(struct fnd__config *c)
{
	atomic_store(&current, c);
}

struct fnd__config *fnd__config_current(void)
{
	return atomic_load_explicit(&current, memory_order_acquire);
}

struct fnd__setting *fnd__config_find(const struct fnd__config *c,
				      const char *path)
{
	struct fnd__setting *s;

	HASH_FIND_STR(c->by_path, path, s);
	return s;
}

/* Up to and with the word that has its terminator. */
static void read_string(const _Atomic uint64_t *words, char *text)
{
	uint64_t word;
	size_t i;

	for (i = 0; i < FND__CONFIG_TEXT / WORD; i++) {
		word = atomic_load_explicit(&words[i], memory_order_acquire);
		memcpy(text + i * WORD, &word, WORD);
		if (memchr(text + i * WORD, '\0', WORD))
			return;
	}
	text[FND__CONFIG_TEXT - 1] = '\0';
}

static void value_of_word(uint64_t word, struct fnd_config_value *v)
{
	switch (v->kind) {
	case FND_CONFIG_BOOLEAN:
		v->boolean = word;
		break;
	case FND_CONFIG_INTEGER:
		v->integer = (int64_t)word;
		break;
	default:
		memcpy(&v->real, &word, sizeof(word));
		break;
	}
}

/* ORDER: words are acquired, so that the turn is looked at after them. */
void fnd__config_read(const struct fnd__config *c,
		      const struct fnd__setting *s,
		      struct fnd_config_value *ret_value, char *text)
{
	const _Atomic uint64_t *words;
	uint64_t turn;

	ret_value->kind = s->entry.value.kind;
	do {
		turn = atomic_load_explicit(&c->turn, memory_order_acquire);
		words = c->copies[turn & 1] + s->at;
		if (ret_value->kind == FND_CONFIG_STRING)
			read_string(words, text);
		else
			value_of_word(atomic_load_explicit(words,
					memory_order_acquire), ret_value);
	} while (atomic_load_explicit(&c->turn, memory_order_relaxed) != turn);
	if (ret_value->kind == FND_CONFIG_STRING)
		ret_value->string = text;
}

static uint64_t word_of_value(const struct fnd_config_value *v)
{
	uint64_t word = 0;

	switch (v->kind) {
	case FND_CONFIG_BOOLEAN:
		return v->boolean;
	case FND_CONFIG_INTEGER:
		return (uint64_t)v->integer;
	default:
		memcpy(&word, &v->real, sizeof(word));
		return word;
	}
}

static void write_string(_Atomic uint64_t *words, const char *text)
{
	size_t i, n = strlen(text) + 1;
	uint64_t word;

	for (i = 0; i < n; i += WORD) {
		word = 0;
		memcpy(&word, text + i, n - i < WORD ? n - i : WORD);
		atomic_store(words++, word);
	}
}

/* What is proposed, to the copy that is not read. */
static void write_copy(struct fnd__config *c)
{
	_Atomic uint64_t *copy = c->copies[!(atomic_load(&c->turn) & 1)];
	struct fnd_config_value v;
	struct fnd__setting *s;

	for (s = c->settings; s < c->settings + c->n; s++) {
		if (!s->proposed)
			continue;
		if (s->entry.value.kind == FND_CONFIG_STRING) {
			write_string(copy + s->at, s->proposed);
			continue;
		}
		fnd__config_parse(s->entry.path, s->entry.value.kind,
				  s->proposed, &v);
		atomic_store(copy + s->at, word_of_value(&v));
	}
}

/* What is proposed becomes what is. */
static void settle(struct fnd__config *c)
{
	struct fnd__setting *s;

	write_copy(c);
	atomic_fetch_add(&c->turn, 1);
	write_copy(c);
	for (s = c->settings; s < c->settings + c->n; s++) {
		if (!s->proposed)
			continue;
		free(s->text);
		s->text = s->proposed;
		s->proposed = NULL;
	}
}

int fnd__config_propose(struct fnd__setting *s, const char *text)
{
	const struct fnd_config_entry *e = &s->entry;
	char canonical[FND__CONFIG_TEXT];
	struct fnd_config_value v;
	int ret;

	if (s->proposed)
		return sup_set_error(-EINVAL, "%s: it is there twice", e->path);
	ret = fnd__config_parse(e->path, e->value.kind, text, &v);
	if (!ret)
		ret = fnd__config_check_value(e, &v);
	if (ret)
		return ret;
	fnd__config_format(&v, canonical);
	s->proposed = strdup(canonical);
	return s->proposed ? 0 : fnd__nomem("a setting");
}

void fnd__config_drop(struct fnd__config *c)
{
	struct fnd__setting *s;

	for (s = c->settings; s < c->settings + c->n; s++) {
		free(s->proposed);
		s->proposed = NULL;
	}
}

static void free_change(struct fnd__change *change)
{
	free(change->from);
	free(change->to);
	free(change);
}

void fnd__changes_free(struct fnd__change *changes)
{
	struct fnd__change *change, *next;

	DL_FOREACH_SAFE(changes, change, next)
		free_change(change);
}

struct fnd__change *fnd__change_new(const struct fnd__setting *of,
				    const char *from, const char *to)
{
	struct fnd__change *change = calloc(1, sizeof(*change));

	if (!change)
		return NULL;
	change->of = of;
	change->from = strdup(from);
	change->to = strdup(to);
	if (change->from && change->to)
		return change;
	free_change(change);
	return NULL;
}

bool fnd__change_is_kept(const struct fnd__config *c,
			 const struct fnd__change *change, uint64_t version)
{
	return version - change->version < c->history;
}

/* Under the lock. Who is not kept goes; they are in order. */
static void forget_old(struct fnd__config *c)
{
	struct fnd__change *change;

	while ((change = c->changes) &&
	       !fnd__change_is_kept(c, change, c->version)) {
		c->oldest = change->version;
		DL_DELETE(c->changes, change);
		free_change(change);
	}
}

/* What is proposed and does not differ is proposed no more. */
static int describe(struct fnd__config *c, enum fnd_config_cause cause,
		    struct fnd__change **ret_fresh)
{
	struct fnd__change *change;
	int64_t now = fnd__real_now();
	struct fnd__setting *s;

	for (s = c->settings; s < c->settings + c->n; s++) {
		if (s->proposed && !strcmp(s->proposed, s->text)) {
			free(s->proposed);
			s->proposed = NULL;
		}
		if (!s->proposed)
			continue;
		change = fnd__change_new(s, s->text, s->proposed);
		if (!change)
			return fnd__nomem("a change");
		change->version = c->version + 1;
		change->time = now;
		change->cause = cause;
		DL_APPEND(*ret_fresh, change);
	}
	return 0;
}

/* The changes are the history's then. Nothing fails. */
static void accept(struct fnd__config *c, struct fnd__change *fresh)
{
	struct fnd__change *change;
	struct fnd__setting *s;

	DL_FOREACH(fresh, change) {
		s = &c->settings[change->of->index];
		s->version = change->version;
		s->time = change->time;
		s->cause = change->cause;
	}
	pthread_mutex_lock(&c->lock);
	settle(c);
	c->version++;
	DL_CONCAT(c->changes, fresh);
	forget_old(c);
	pthread_mutex_unlock(&c->lock);
}

int fnd__config_commit(struct fnd__config *c, enum fnd_config_cause cause)
{
	struct fnd__change *fresh = NULL;
	bool is_new = false;
	int ret;

	ret = describe(c, cause, &fresh);
	if (!ret && fresh && c->file)
		ret = fnd__config_file_save(c, fresh, &is_new);
	if (fresh && (!ret || is_new))
		accept(c, fresh);
	else
		fnd__changes_free(fresh);
	fnd__config_drop(c);
	return ret;
}

int fnd__config_propose_version(struct fnd__config *c, uint64_t version)
{
	struct fnd__change *change;
	struct fnd__setting *s;
	int ret;

	if (version < c->oldest || version > c->version)
		return sup_set_error(-ENOENT, "version: %llu is not known, or "
				     "no more", (unsigned long long)version);
	/* The first change after it tells what was there. */
	DL_FOREACH(c->changes, change) {
		s = &c->settings[change->of->index];
		if (change->version <= version || s->proposed)
			continue;
		ret = fnd__config_propose(s, change->from);
		if (ret)
			return ret;
	}
	return 0;
}

static void free_settings(struct fnd__config *c)
{
	struct fnd__setting *s;
	size_t i;

	HASH_CLEAR(hh, c->by_path);
	for (s = c->settings; s < c->settings + c->n; s++) {
		for (i = 0; s->entry.choices && s->entry.choices[i]; i++)
			free((char *)s->entry.choices[i]);
		free((void *)s->entry.choices);
		free((char *)s->entry.path);
		free(s->initial);
		free(s->text);
		free(s->proposed);
	}
	free(c->settings);
}

static void free_config(struct fnd__config *c)
{
	fnd__changes_free(c->changes);
	free_settings(c);
	free((void *)c->copies[0]);
	free((void *)c->copies[1]);
	free(c->file);
	free(c->signature);
	free(c);
}

static int copy_choices(struct fnd_config_entry *e)
{
	const char *const *from = e->choices;
	char **to;
	size_t i, n = 0;

	if (!from)
		return 0;
	while (from[n])
		n++;
	to = calloc(n + 1, sizeof(*to));
	e->choices = (const char *const *)to;
	for (i = 0; to && i < n; i++)
		to[i] = strdup(from[i]);
	return to && (!n || to[n - 1]) ? 0 : -ENOMEM;
}

static int add_setting(struct fnd__config *c, const struct fnd_config_entry *e)
{
	struct fnd__setting *s = &c->settings[c->n];
	char text[FND__CONFIG_TEXT];

	if (fnd__config_find(c, e->path))
		return sup_set_error(-EINVAL, "%s: it is there twice", e->path);
	fnd__config_format(&e->value, text);
	s->index = c->n++;
	s->entry = *e;
	s->entry.path = strdup(e->path);
	s->initial = strdup(text);
	s->text = strdup(text);
	s->proposed = strdup(text);
	if (copy_choices(&s->entry) || !s->entry.path || !s->initial ||
	    !s->text || !s->proposed)
		return fnd__nomem("a setting");
	if (e->value.kind == FND_CONFIG_STRING)
		s->entry.value.string = s->initial;
	s->at = c->n_words;
	c->n_words += n_words(e);
	HASH_ADD_KEYPTR(hh, c->by_path, s->entry.path, strlen(s->entry.path),
			s);
	return s->hh.tbl ? 0 : fnd__nomem("a setting");
}

static int add_settings(struct fnd__config *c,
			const struct fnd_config_options *o)
{
	size_t i;
	int ret;

	c->settings = calloc(o->n + 1, sizeof(*c->settings));
	if (!c->settings)
		return fnd__nomem("settings");
	for (i = 0; i < o->n; i++) {
		ret = fnd__config_check_entry(&o->schema[i]);
		if (!ret)
			ret = add_setting(c, &o->schema[i]);
		if (ret)
			return sup_set_error(ret, "schema[%zu]: %s", i,
					     sup_error());
	}
	for (i = 0; i < 2; i++) {
		c->copies[i] = calloc(c->n_words + 1, WORD);
		if (!c->copies[i])
			return fnd__nomem("settings");
	}
	return 0;
}

static int new_config(const struct fnd_config_options *o,
		      const char *signature, struct fnd__config **ret_config)
{
	struct fnd__config *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return fnd__nomem("settings");
	pthread_mutex_init(&c->lock, NULL);
	c->history = o->history ? o->history : HISTORY;
	if (o->history < 0)
		c->history = 0;
	c->signature = strdup(signature);
	c->file = o->file ? strdup(o->file) : NULL;
	ret = fnd__nomem("settings");
	if (!c->signature || (o->file && !c->file))
		goto err;
	ret = add_settings(c, o);
	if (ret)
		goto err;
	/* The defaults; then what the file has. */
	settle(c);
	ret = c->file ? fnd__config_file_load(c, true) : 0;
	if (ret)
		goto err;
	settle(c);
	forget_old(c);
	*ret_config = c;
	return 0;
err:
	free_config(c);
	return ret;
}

static void sign_string(FILE *f, const char *string)
{
	if (string)
		fprintf(f, " %zu:%s", strlen(string), string);
	else
		fprintf(f, " -");
}

static void sign_value(FILE *f, const struct fnd_config_value *v)
{
	char text[FND__CONFIG_TEXT] = "";

	fprintf(f, " %d", (int)v->kind);
	if (v->kind == FND_CONFIG_STRING) {
		sign_string(f, v->string);
		return;
	}
	fnd__config_format(v, text);
	sign_string(f, text);
}

/* Two that have the same one are the same. What is bad in it is found later. */
static char *signature_of(const struct fnd_config_options *o)
{
	const struct fnd_config_entry *e;
	const char *const *c;
	char *text = NULL;
	bool failed;
	size_t len;
	FILE *f;

	f = open_memstream(&text, &len);
	if (!f)
		return NULL;
	fprintf(f, "%d", o->history);
	sign_string(f, o->file);
	for (e = o->schema; e < o->schema + o->n; e++) {
		fprintf(f, "\n%d", e->updatable);
		sign_string(f, e->path);
		sign_value(f, &e->value);
		sign_value(f, &e->min);
		sign_value(f, &e->max);
		for (c = e->choices; c && *c; c++)
			sign_string(f, *c);
	}
	failed = ferror(f);
	if (!fclose(f) && !failed)
		return text;
	free(text);
	return NULL;
}

int fnd__config_open(const struct fnd_config_options *options,
		     struct fnd__config **ret_config)
{
	char *signature = signature_of(options);
	struct fnd__config *c;
	int ret = 0;

	if (!signature)
		return fnd__nomem("a schema");
	pthread_mutex_lock(&all_lock);
	LL_FOREACH(all, c) {
		if (!strcmp(c->signature, signature))
			break;
	}
	if (!c) {
		ret = new_config(options, signature, &c);
		if (!ret)
			LL_PREPEND(all, c);
	}
	pthread_mutex_unlock(&all_lock);
	free(signature);
	if (!ret)
		*ret_config = c;
	return ret;
}
