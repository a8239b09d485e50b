/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keep_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADER "supd 1\n"

struct kept_child *keep_file_child(struct keep_file *k, const char *path)
{
	struct kept_child **at = &k->children;

	while (*at != NULL && strcmp((*at)->path, path) != 0)
		at = &(*at)->next;
	if (*at != NULL)
		return *at;
	*at = calloc(1, sizeof(**at));
	if (*at == NULL)
		return NULL;
	(*at)->path = strdup(path);
	if ((*at)->path == NULL) {
		free(*at);
		*at = NULL;
	}
	return *at;
}

static int read_token(const char *hex, unsigned char *ret_token)
{
	unsigned int byte;
	size_t i;

	if (strlen(hex) != 2 * SUP_TOKEN_SIZE)
		return -EINVAL;
	for (i = 0; i < SUP_TOKEN_SIZE; i++) {
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return -EINVAL;
		ret_token[i] = (unsigned char)byte;
	}
	return 0;
}

static int read_line(struct keep_file *k, const char *line)
{
	char path[1025], hex[2 * SUP_TOKEN_SIZE + 1];
	struct kept_child *c;
	uint64_t start;
	int pid;

	if (sscanf(line, "group %" SCNu64 " %32s", &k->group, hex) == 2) {
		k->has_token = true;
		return read_token(hex, k->token);
	}
	if (sscanf(line, "child %d %" SCNu64 " %1024s", &pid, &start,
		   path) != 3 || pid <= 0)
		return -EINVAL;
	c = keep_file_child(k, path);
	if (c == NULL)
		return -ENOMEM;
	c->pid = pid;
	c->start = start;
	return 0;
}

int keep_file_read(FILE *f, struct keep_file *k)
{
	char line[1200];
	int ret = 0;

	memset(k, 0, sizeof(*k));
	if (fgets(line, sizeof(line), f) == NULL || strcmp(line, HEADER) != 0)
		return -EINVAL;
	while (ret == 0 && fgets(line, sizeof(line), f) != NULL)
		ret = read_line(k, line);
	if (ret == 0 && !k->has_token)
		ret = -EINVAL;
	if (ret < 0)
		keep_file_fini(k);
	return ret;
}

void keep_file_write(FILE *f, const struct keep_file *k)
{
	const struct kept_child *c;
	size_t i;

	fprintf(f, HEADER "group %" PRIu64 " ", k->group);
	for (i = 0; i < SUP_TOKEN_SIZE; i++)
		fprintf(f, "%02x", k->token[i]);
	fputc('\n', f);
	for (c = k->children; c != NULL; c = c->next)
		if (c->pid > 0)
			fprintf(f, "child %d %" PRIu64 " %s\n", c->pid,
				c->start, c->path);
}

void keep_file_fini(struct keep_file *k)
{
	struct kept_child *c;

	while (k->children != NULL) {
		c = k->children;
		k->children = c->next;
		free(c->path);
		free(c);
	}
	memset(k, 0, sizeof(*k));
}
