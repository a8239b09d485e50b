/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libyaml reads the text once for the places of things (locate.c), libcyaml
 * once more into structs. libcyaml tells of an error by log lines: what, then
 * the way to it from the inside out. That way is followed again in the schema,
 * to say what is allowed, and in the text, to say where.
 */
#include "config.h"
#include "config_check.h"
#include "config_report.h"
#include "locate.h"
#include "schema.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (4u << 20)

struct complaint {
	char what[256];		/* the first line */
	char keys[CONFIG_STEPS_MAX][64];
	struct step steps[CONFIG_STEPS_MAX];	/* inside out */
	size_t n;
};

static void note_step(struct complaint *c, const char *line)
{
	unsigned int entry;

	if (c->n == CONFIG_STEPS_MAX)
		return;
	if (sscanf(line, "  in mapping field '%63[^']'", c->keys[c->n]) == 1)
		c->steps[c->n].key = c->keys[c->n];
	else if (sscanf(line, "  in sequence entry '%u'", &entry) == 1 &&
		 entry > 0)
		c->steps[c->n].index = entry - 1;
	else
		return;
	c->n++;
}

static void note_line(cyaml_log_t level, void *ctx, const char *fmt,
		      va_list args)
{
	struct complaint *c = ctx;
	char line[256];

	if (level < CYAML_LOG_ERROR)
		return;
	vsnprintf(line, sizeof(line), fmt, args);
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "  in ", 5) == 0)
		note_step(c, line);
	else if (strstr(line, "Backtrace") == NULL && c->what[0] == '\0')
		snprintf(c->what, sizeof(c->what), "%s", line);
}

/* What follows the sentence in the complaint, or NULL: another sentence. */
static const char *complains(const struct complaint *c, const char *sentence)
{
	const char *at = strstr(c->what, sentence);

	return at != NULL ? at + strlen(sentence) : NULL;
}

/* The way from the root; without the innermost key if it is a stale one. */
static const cyaml_schema_value_t *retrace(const struct complaint *c,
					   bool stale, struct config_path *path)
{
	const cyaml_schema_value_t *v = &schema_root;
	size_t i = c->n, end = 0;

	if (stale && c->n > 0 && c->steps[0].key != NULL)
		end = 1;
	path->n = 0;
	while (i-- > end && v != NULL) {
		path->steps[path->n++] = c->steps[i];
		if (c->steps[i].key != NULL)
			v = schema_field(v, c->steps[i].key);
		else
			v = v->type == CYAML_SEQUENCE ? v->sequence.entry : v;
	}
	return v;
}

static void report_key(struct config_report *r, const struct complaint *c,
		       const char *unknown, const char *missing,
		       const char *again)
{
	const cyaml_schema_value_t *v;
	struct config_path path;
	char keys[512];

	v = retrace(c, true, &path);
	schema_keys(v, keys, sizeof(keys));
	if (unknown != NULL)
		config_report(r, &path, unknown, PLACE_KEY,
			      "unknown key \"%s\"; allowed here: %s", unknown,
			      keys);
	else if (missing != NULL)
		config_report(r, &path, NULL, PLACE_VALUE,
			      "the key \"%s\" is missing", missing);
	else
		config_report(r, &path, again, PLACE_KEY_AGAIN,
			      "the key \"%s\" stands twice", again);
}

static void report_value(struct config_report *r, const struct complaint *c)
{
	const cyaml_schema_value_t *v;
	struct config_path path;
	const char *key, *text;
	char allowed[768];

	v = retrace(c, false, &path);
	if (v == NULL) {
		config_report(r, &path, NULL, PLACE_VALUE, "%s", c->what);
		return;
	}
	schema_describe(v, allowed, sizeof(allowed));
	text = locator_scalar(r->loc, path.steps, path.n);
	key = path.n > 0 ? path.steps[path.n - 1].key : NULL;
	config_report(r, &path, NULL, PLACE_VALUE, "%s%s%s%s%s%sis not %s",
		      key != NULL ? "\"" : "", key != NULL ? key : "",
		      key != NULL ? "\": " : "", text != NULL ? "\"" : "",
		      text != NULL ? text : "this ", text != NULL ? "\" " : "",
		      allowed);
}

static void report_complaint(struct config_report *r, const struct complaint *c,
			     cyaml_err_t err)
{
	const char *unknown = complains(c, "Unexpected key: ");
	const char *missing = complains(c, "Missing required mapping field: ");
	const char *again = complains(c, "Mapping field already seen: ");
	struct config_path path;

	if (unknown != NULL || missing != NULL || again != NULL) {
		report_key(r, c, unknown, missing, again);
	} else if (err == CYAML_ERR_ALIAS) {
		retrace(c, false, &path);
		config_report(r, &path, NULL, PLACE_VALUE,
			      "aliases are not allowed");
	} else {
		report_value(r, c);
	}
}

static void *yaml_mem(void *ctx, void *ptr, size_t size)
{
	(void)ctx;
	if (size == 0) {
		free(ptr);
		return NULL;
	}
	return realloc(ptr, size);
}

static const cyaml_config_t free_config = {
	.mem_fn = yaml_mem,
	.log_level = CYAML_LOG_ERROR,
};

static int load_text(struct config_report *r, const char *text, size_t len,
		     struct config_child **ret_root)
{
	struct complaint c = { .n = 0 };
	cyaml_config_t cfg = {
		.log_fn = note_line,
		.log_ctx = &c,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = yaml_mem,
		.flags = CYAML_CFG_NO_ALIAS,
	};
	struct config_child *root = NULL;
	cyaml_err_t err;

	err = cyaml_load_data((const uint8_t *)text, len, &cfg, &schema_root,
			      (cyaml_data_t **)&root, NULL);
	if (err == CYAML_ERR_OOM)
		return -ENOMEM;
	if (err != CYAML_OK) {
		report_complaint(r, &c, err);
		return -EINVAL;
	}
	if (root == NULL) {
		config_report_at(r, (struct place){ 1, 1 },
				 "empty: a mapping with \"name\" and "
				 "\"children\" expected");
		return -EINVAL;
	}
	config_check(r, root);
	if (r->n > 0) {
		config_free(root);
		return -EINVAL;
	}
	*ret_root = root;
	return 0;
}

static int read_file(const char *path, char **ret_text, size_t *ret_len)
{
	FILE *f = fopen(path, "re");
	int ret = -ENOMEM;
	char *text;
	size_t len;

	if (f == NULL)
		return -errno;
	text = malloc(FILE_MAX + 1);
	if (text == NULL)
		goto err_close;
	len = fread(text, 1, FILE_MAX + 1, f);
	ret = ferror(f) ? -EIO : len > FILE_MAX ? -EFBIG : 0;
	if (ret < 0)
		goto err_free;
	fclose(f);
	*ret_text = text;
	*ret_len = len;
	return 0;

err_free:
	free(text);
err_close:
	fclose(f);
	return ret;
}

static int load_and_report(struct config_report *r,
			   struct config_child **ret_root)
{
	char *text = NULL, *why = NULL;
	struct place at = { 0 };
	size_t len = 0;
	int ret;

	ret = read_file(r->file, &text, &len);
	if (ret < 0) {
		fprintf(r->out, "%s: %s\n", r->file, strerror(-ret));
		return ret;
	}
	ret = locator_new(text, len, &r->loc, &at, &why);
	if (ret == -EINVAL)
		config_report_at(r, at, "%s", why);
	else if (ret == 0)
		ret = load_text(r, text, len, ret_root);
	locator_free(r->loc);
	free(why);
	free(text);
	return ret;
}

int config_load(const char *path, struct config_child **ret_root,
		char **ret_text)
{
	struct config_report r = { .file = path };
	size_t size;
	int ret;

	*ret_text = NULL;
	r.out = open_memstream(ret_text, &size);
	if (r.out == NULL)
		return -ENOMEM;
	ret = load_and_report(&r, ret_root);
	fclose(r.out);
	return ret;
}

void config_free(struct config_child *root)
{
	cyaml_free(&free_config, &schema_root, root, 0);
}
