/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file of the ConfigServer: YAML, of which libyaml makes a tree of nodes.
 *
 *	version: 7
 *	values:
 *	  dev.debug_mode: true
 *	history:
 *	- [7, 1764226800000000000, update, dev.debug_mode, "false", "true"]
 *
 * What has its default is not there. A person may write values in mappings
 * within each other, and leave out the rest. libcyaml, which supd reads its
 * trees with, wants a schema that is known when the program is compiled; this
 * one comes with a call. libyaml is what lies under it.
 */
#include "foundation/config_store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>
#include <yaml.h>

#include <sup/error.h>

#include "foundation/config_value.h"
#include "foundation/file.h"
#include "foundation/service.h"

static const char *const causes[] = {
	[FND_CONFIG_UPDATE] = "update", [FND_CONFIG_RESET] = "reset",
	[FND_CONFIG_ROLLBACK] = "rollback", [FND_CONFIG_RELOAD] = "reload",
};

#define N_CAUSES (sizeof(causes) / sizeof(causes[0]))

/* A file that is being read. */
struct reader {
	struct fnd__config *c;
	yaml_document_t doc;
	bool is_first;
};

static int bad(const struct reader *r, const yaml_node_t *node, int error,
	       const char *what)
{
	return sup_set_error(error, "file: %s:%zu: %s", r->c->file,
			     node->start_mark.line + 1, what);
}

/* One whose text has a zero within is none. */
static const char *scalar(const yaml_node_t *node)
{
	const char *text;

	if (node->type != YAML_SCALAR_NODE)
		return NULL;
	text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

static bool is_number(const yaml_node_t *node, uint64_t *ret_n)
{
	const char *text = scalar(node);
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret_n = strtoull(text, &end, 10);
	return !*end && !errno;
}

static int read_value(struct reader *r, const yaml_node_t *node,
		      const char *path)
{
	struct fnd__setting *s = fnd__config_find(r->c, path);
	const char *text = scalar(node);
	char what[FND_NAME_MAX + 64];
	int ret;

	snprintf(what, sizeof(what), "%s: there is no such setting", path);
	if (!s)
		return bad(r, node, -ENOENT, what);
	snprintf(what, sizeof(what), "%s: it is no value", path);
	if (!text)
		return bad(r, node, -EINVAL, what);
	ret = fnd__config_propose(s, text);
	return ret && ret != -ENOMEM ? bad(r, node, ret, sup_error()) : ret;
}

/* "values:", and nothing. */
static bool is_empty(const yaml_node_t *node)
{
	const char *text = scalar(node);

	return text && !*text;
}

/* before: of the mappings around it, with a dot, or empty. */
static int read_values(struct reader *r, const yaml_node_t *node,
		       const char *before)
{
	const yaml_node_t *key, *value;
	char path[FND_NAME_MAX + 1];
	const yaml_node_pair_t *p;
	const char *name;
	int ret = 0, len;

	if (is_empty(node))
		return 0;
	if (node->type != YAML_MAPPING_NODE)
		return bad(r, node, -EINVAL, "values: it is no mapping");
	for (p = node->data.mapping.pairs.start;
	     !ret && p < node->data.mapping.pairs.top; p++) {
		key = yaml_document_get_node(&r->doc, p->key);
		value = yaml_document_get_node(&r->doc, p->value);
		name = scalar(key);
		len = name ? snprintf(path, sizeof(path), "%s%s", before,
				      name) : -1;
		if (len < 0 || len > FND_NAME_MAX - 1)
			return bad(r, key, -EINVAL, "values: it is no path");
		if (value->type != YAML_MAPPING_NODE) {
			ret = read_value(r, value, path);
			continue;
		}
		strcpy(path + len, ".");
		ret = read_values(r, value, path);
	}
	return ret;
}

static bool is_cause(const yaml_node_t *node, enum fnd_config_cause *ret_cause)
{
	const char *text = scalar(node);
	size_t i;

	for (i = 0; text && i < N_CAUSES; i++) {
		if (strcmp(text, causes[i]))
			continue;
		*ret_cause = i;
		return true;
	}
	return false;
}

/* One of the history; NULL, and 0: of a setting that is no more. */
static int read_change(struct reader *r, const yaml_node_t *node,
		       struct fnd__change **ret_change)
{
	const yaml_node_item_t *items = node->data.sequence.items.start;
	const char *path, *from, *to;
	const struct fnd__setting *s;
	const yaml_node_t *of[6];
	uint64_t version, time;
	enum fnd_config_cause cause;
	int i;

	*ret_change = NULL;
	if (node->type != YAML_SEQUENCE_NODE ||
	    node->data.sequence.items.top - items != 6)
		goto bad;
	for (i = 0; i < 6; i++)
		of[i] = yaml_document_get_node(&r->doc, items[i]);
	path = scalar(of[3]);
	from = scalar(of[4]);
	to = scalar(of[5]);
	if (!is_number(of[0], &version) || !is_number(of[1], &time) ||
	    !is_cause(of[2], &cause) || !path || !from || !to ||
	    time > INT64_MAX)
		goto bad;
	s = fnd__config_find(r->c, path);
	if (!s)
		return 0;
	*ret_change = fnd__change_new(s, from, to);
	if (!*ret_change)
		return fnd__nomem("a change");
	(*ret_change)->version = version;
	(*ret_change)->time = time;
	(*ret_change)->cause = cause;
	return 0;
bad:
	return bad(r, node, -EINVAL, "history: it is no change");
}

static int read_history(struct reader *r, const yaml_node_t *node)
{
	struct fnd__change *change;
	const yaml_node_item_t *i;
	const yaml_node_t *one;
	uint64_t last = 0;
	int ret;

	if (is_empty(node))
		return 0;
	if (node->type != YAML_SEQUENCE_NODE)
		return bad(r, node, -EINVAL, "history: it is no sequence");
	for (i = node->data.sequence.items.start;
	     i < node->data.sequence.items.top; i++) {
		one = yaml_document_get_node(&r->doc, *i);
		ret = read_change(r, one, &change);
		if (ret)
			return ret;
		if (!change)
			continue;
		DL_APPEND(r->c->changes, change);
		if (change->version < last || !change->version)
			return bad(r, one, -EINVAL, "history: the version is "
				   "not in order");
		last = change->version;
	}
	return 0;
}

/* The history says how far one can go back; none: not at all. */
static int check_versions(const struct reader *r, const yaml_node_t *node)
{
	struct fnd__config *c = r->c;

	c->oldest = c->version;
	if (!c->changes)
		return 0;
	c->oldest = c->changes->version - 1;
	if (c->changes->prev->version > c->version)
		return bad(r, node, -EINVAL, "version: there is a later one in "
			   "the history");
	return 0;
}

static int read_part(struct reader *r, const yaml_node_t *key,
		     const yaml_node_t *value)
{
	const char *name = scalar(key);
	uint64_t version;

	if (name && !strcmp(name, "values"))
		return read_values(r, value, "");
	if (name && !strcmp(name, "history"))
		return r->is_first ? read_history(r, value) : 0;
	if (!name || strcmp(name, "version"))
		return bad(r, key, -EINVAL, "it is none of version, values, "
			   "history");
	if (!is_number(value, &version) || version >= UINT64_MAX / 2)
		return bad(r, value, -EINVAL, "version: it is no number");
	if (r->is_first)
		r->c->version = version;
	return 0;
}

static int read_document(struct reader *r)
{
	yaml_node_t *root = yaml_document_get_root_node(&r->doc);
	const yaml_node_pair_t *p;
	int ret = 0;

	if (!root)
		return 0;
	if (root->type != YAML_MAPPING_NODE)
		return bad(r, root, -EINVAL, "it is no mapping");
	for (p = root->data.mapping.pairs.start;
	     !ret && p < root->data.mapping.pairs.top; p++)
		ret = read_part(r, yaml_document_get_node(&r->doc, p->key),
				yaml_document_get_node(&r->doc, p->value));
	if (!ret && r->is_first)
		ret = check_versions(r, root);
	return ret;
}

static int parse(struct reader *r, const char *text, size_t len)
{
	yaml_parser_t parser;
	int ret;

	if (!yaml_parser_initialize(&parser))
		return fnd__nomem("a file");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (yaml_parser_load(&parser, &r->doc)) {
		ret = read_document(r);
		yaml_document_delete(&r->doc);
	} else if (parser.error == YAML_MEMORY_ERROR) {
		ret = fnd__nomem("a file");
	} else {
		ret = sup_set_error(-EINVAL, "file: %s:%zu: %s", r->c->file,
				    parser.problem_mark.line + 1,
				    parser.problem);
	}
	yaml_parser_delete(&parser);
	return ret;
}

int fnd__config_file_load(struct fnd__config *c, bool is_first)
{
	struct reader r = { .c = c, .is_first = is_first };
	char *text;
	size_t len;
	int ret;

	ret = fnd__file_read(c->file, &text, &len);
	if (ret || !text)
		return ret;
	ret = parse(&r, text, len);
	free(text);
	return ret;
}

/* As it is, in a string of YAML: no break of a line, no mark of an order. */
static bool is_plain(int32_t c)
{
	return (c >= ' ' && c <= '~' && c != '"' && c != '\\') ||
		(c >= 0xa0 && c < 0xfffe && c != 0xfeff && c != 0x2028 &&
		 c != 0x2029) || c >= 0x10000;
}

static void write_quoted(FILE *f, const char *text)
{
	const unsigned char *at = (const unsigned char *)text, *from;
	int32_t c;

	fputc('"', f);
	while (*at) {
		from = at;
		c = fnd__utf8_next(&at);
		if (is_plain(c))
			fwrite(from, 1, at - from, f);
		else
			fprintf(f, "\\u%04" PRIx32, (uint32_t)c);
	}
	fputc('"', f);
}

static void write_change(FILE *f, const struct fnd__change *change)
{
	fprintf(f, "- [%" PRIu64 ", %" PRId64 ", %s, %s, ", change->version,
		change->time, causes[change->cause], change->of->entry.path);
	write_quoted(f, change->from);
	fprintf(f, ", ");
	write_quoted(f, change->to);
	fprintf(f, "]\n");
}

static void write_values(FILE *f, const struct fnd__config *c)
{
	const struct fnd__setting *s;
	const char *text;

	for (s = c->settings; s < c->settings + c->n; s++) {
		text = s->proposed ? s->proposed : s->text;
		if (!strcmp(text, s->initial))
			continue;
		fprintf(f, "  %s: ", s->entry.path);
		if (s->entry.value.kind == FND_CONFIG_STRING)
			write_quoted(f, text);
		else
			fprintf(f, "%s", text);
		fputc('\n', f);
	}
}

static void write_file(FILE *f, const struct fnd__config *c,
		       const struct fnd__change *fresh)
{
	const struct fnd__change *change;
	uint64_t version = fresh->version;

	fprintf(f, "version: %" PRIu64 "\nvalues:\n", version);
	write_values(f, c);
	fprintf(f, "history:\n");
	DL_FOREACH(c->changes, change) {
		if (fnd__change_is_kept(c, change, version))
			write_change(f, change);
	}
	DL_FOREACH(fresh, change) {
		if (fnd__change_is_kept(c, change, version))
			write_change(f, change);
	}
}

int fnd__config_file_save(const struct fnd__config *c,
			  const struct fnd__change *fresh, bool *ret_is_new)
{
	char *text = NULL;
	size_t len;
	FILE *f;
	int ret;

	*ret_is_new = false;
	f = open_memstream(&text, &len);
	if (!f)
		return fnd__nomem("a file");
	write_file(f, c, fresh);
	ret = ferror(f);
	if (fclose(f) || ret) {
		free(text);
		return fnd__nomem("a file");
	}
	ret = fnd__file_replace(c->file, text, len, ret_is_new);
	free(text);
	return ret;
}
