/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "locate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct locator {
	yaml_document_t doc;
};

static struct place place_of_mark(yaml_mark_t m)
{
	return (struct place){ m.line + 1, m.column + 1 };
}

static int explain(yaml_parser_t *p, struct place *ret_place, char **ret_why)
{
	const char *problem = p->problem != NULL ? p->problem : "unreadable";

	if (p->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	*ret_place = place_of_mark(p->problem_mark);
	if (asprintf(ret_why, "not YAML: %s%s%s", problem,
		     p->context != NULL ? ", " : "",
		     p->context != NULL ? p->context : "") < 0)
		return -ENOMEM;
	return -EINVAL;
}

static int refuse(yaml_mark_t at, const char *text, struct place *ret_place,
		  char **ret_why)
{
	*ret_place = place_of_mark(at);
	*ret_why = strdup(text);
	return *ret_why != NULL ? -EINVAL : -ENOMEM;
}

/* Nobody would look at it. */
static int check_end(yaml_parser_t *p, struct place *ret_place, char **ret_why)
{
	yaml_document_t more;
	int ret = 0;

	if (!yaml_parser_load(p, &more))
		return explain(p, ret_place, ret_why);
	if (yaml_document_get_root_node(&more) != NULL)
		ret = refuse(more.start_mark, "a second document, which nobody "
			     "would read", ret_place, ret_why);
	yaml_document_delete(&more);
	return ret;
}

/* "\0" in quotes is one: what follows it would go without a word. */
static int check_scalars(yaml_document_t *doc, struct place *ret_place,
			 char **ret_why)
{
	const yaml_node_t *n;

	for (n = doc->nodes.start; n < doc->nodes.top; n++)
		if (n->type == YAML_SCALAR_NODE &&
		    strlen((const char *)n->data.scalar.value) !=
		    n->data.scalar.length)
			return refuse(n->start_mark, "a NUL byte, where a text "
				      "would end", ret_place, ret_why);
	return 0;
}

int locator_new(const char *text, size_t len, struct locator **ret_loc,
		struct place *ret_place, char **ret_why)
{
	struct locator *loc;
	yaml_parser_t p;
	int ret = 0;

	loc = calloc(1, sizeof(*loc));
	if (loc == NULL)
		return -ENOMEM;
	if (!yaml_parser_initialize(&p)) {
		free(loc);
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	if (!yaml_parser_load(&p, &loc->doc)) {
		ret = explain(&p, ret_place, ret_why);
		free(loc);
		goto out;
	}
	ret = check_scalars(&loc->doc, ret_place, ret_why);
	if (ret == 0)
		ret = check_end(&p, ret_place, ret_why);
	if (ret == 0)
		*ret_loc = loc;
	else
		locator_free(loc);
out:
	yaml_parser_delete(&p);
	return ret;
}

void locator_free(struct locator *loc)
{
	if (loc == NULL)
		return;
	yaml_document_delete(&loc->doc);
	free(loc);
}

static bool is_scalar(const yaml_node_t *n, const char *text)
{
	return n != NULL && n->type == YAML_SCALAR_NODE &&
	       strcmp((const char *)n->data.scalar.value, text) == 0;
}

/* The nth pair with that key. */
static yaml_node_t *find_key(struct locator *loc, yaml_node_t *map,
			     const char *key, int nth, yaml_node_t **ret_value)
{
	yaml_node_pair_t *p;

	if (map->type != YAML_MAPPING_NODE)
		return NULL;
	for (p = map->data.mapping.pairs.start;
	     p < map->data.mapping.pairs.top; p++) {
		yaml_node_t *k = yaml_document_get_node(&loc->doc, p->key);

		if (!is_scalar(k, key) || nth-- > 0)
			continue;
		*ret_value = yaml_document_get_node(&loc->doc, p->value);
		return k;
	}
	return NULL;
}

static yaml_node_t *find_item(struct locator *loc, yaml_node_t *list,
			      unsigned int index)
{
	yaml_node_item_t *i;

	if (list->type != YAML_SEQUENCE_NODE)
		return NULL;
	i = list->data.sequence.items.start + index;
	if (i >= list->data.sequence.items.top)
		return NULL;
	return yaml_document_get_node(&loc->doc, *i);
}

static yaml_node_t *take_step(struct locator *loc, yaml_node_t *at,
			      const struct step *s, int nth,
			      yaml_node_t **ret_key)
{
	yaml_node_t *value = NULL;

	*ret_key = NULL;
	if (s->key == NULL)
		return find_item(loc, at, s->index);
	*ret_key = find_key(loc, at, s->key, nth, &value);
	return *ret_key != NULL ? value : NULL;
}

bool locator_find(struct locator *loc, const struct step *steps, size_t n,
		  enum place_of of, struct place *ret_place)
{
	yaml_node_t *at = yaml_document_get_root_node(&loc->doc);
	yaml_node_t *key = NULL, *next;
	size_t i;

	*ret_place = (struct place){ 1, 1 };
	if (at == NULL)
		return false;
	*ret_place = place_of_mark(at->start_mark);
	for (i = 0; i < n; i++) {
		int nth = i + 1 == n && of == PLACE_KEY_AGAIN;

		next = take_step(loc, at, &steps[i], nth, &key);
		if (next == NULL)
			return false;
		at = next;
		*ret_place = place_of_mark(at->start_mark);
	}
	if (of != PLACE_VALUE && key != NULL)
		*ret_place = place_of_mark(key->start_mark);
	return true;
}

const char *locator_scalar(struct locator *loc, const struct step *steps,
			   size_t n)
{
	yaml_node_t *at = yaml_document_get_root_node(&loc->doc);
	yaml_node_t *key;
	size_t i;

	for (i = 0; at != NULL && i < n; i++)
		at = take_step(loc, at, &steps[i], 0, &key);
	if (at == NULL || at->type != YAML_SCALAR_NODE)
		return NULL;
	return (const char *)at->data.scalar.value;
}
