/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file of the ConfigServer: what is written, read, and refused. */
#include "fail_memory.h"
#include "config.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "foundation/config_value.h"

/* What is done to files, in order, and what fails of it. */
static char trace[64];
static const char *fails;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

static bool does(const char *what)
{
	size_t len = strlen(trace);

	snprintf(trace + len, sizeof(trace) - len, " %s", what);
	if (!fails || strcmp(fails, what))
		return true;
	errno = EIO;
	return false;
}

int __wrap_fsync(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -1;
	return does(S_ISDIR(st.st_mode) ? "directory" : "file") ?
		__real_fsync(fd) : -1;
}

int __wrap_rename(const char *from, const char *to)
{
	return does("rename") ? __real_rename(from, to) : -1;
}

static void file_is(const char *text)
{
	char *is = calloc(1, 10000);
	FILE *f = fopen(file, "r");

	assert_non_null(f);
	assert_true(fread(is, 1, 9999, f) < 9999);
	fclose(f);
	assert_string_equal(is, text);
	free(is);
}

/* As another process: what this one has of the file is not used. */
static int start_anew(void)
{
	static int n = 1000;

	in_file.history = n++;
	return start_config(&in_file);
}

static void an_update_is_on_the_disk(void **state)
{
	(void)state;
	trace[0] = '\0';
	assert_int_equal(SET("any", FND_INTEGER(1)), 0);
	assert_string_equal(trace, " file rename directory");
}

static void what_fails_changes_nothing(void **state)
{
	static const char *const steps[] = { "file", "rename" };
	struct stat st;
	char new[80];
	size_t i;

	(void)state;
	snprintf(new, sizeof(new), "%s-new", file);
	assert_int_equal(SET("any", FND_INTEGER(1)), 0);
	for (i = 0; i < N_OF(steps); i++) {
		fails = steps[i];
		assert_int_equal(SET("any", FND_INTEGER(2)), -EIO);
		assert_non_null(strstr(sup_error(), "-new\": Input/output"));
		fails = NULL;
		assert_int_equal(fnd_config_integer("any", 0), 1);
		assert_int_equal(version(), 1);
		assert_int_equal(stat(new, &st), -1);
	}
	/* A directory in its place is no file of ours. */
	assert_int_equal(mkdir(new, 0700), 0);
	assert_int_equal(SET("any", FND_INTEGER(2)), -EEXIST);
	assert_int_equal(rmdir(new), 0);
	/* It is the new file already: so the value is. */
	fails = "directory";
	assert_int_equal(SET("any", FND_INTEGER(3)), -EIO);
	fails = NULL;
	assert_int_equal(fnd_config_integer("any", 0), 3);
	assert_int_equal(version(), 2);
	stop_config();
	assert_int_equal(start_anew(), 0);
	assert_int_equal(fnd_config_integer("any", 0), 3);
}

static void what_is_written(void **state)
{
	struct fnd_config_setting s[] = {
		{ "dev.name", FND_STRING("a \"quoted\" \\ name") },
		{ "capture.batch_size", FND_INTEGER(1) },
		{ "ai.planning.sampling_rate", FND_REAL(0.1) },
	};
	struct fnd_config_change *c;
	char text[600];
	size_t n;

	(void)state;
	assert_int_equal(fnd_config_update_all(s, 3, LONG), 0);
	assert_int_equal(SET("dev.debug_mode", FND_BOOLEAN(true)), 0);
	assert_int_equal(fnd_config_history(&c, &n), 0);
	snprintf(text, sizeof(text), "version: 2\nvalues:\n"
		 "  ai.planning.sampling_rate: 0.1\n"
		 "  capture.batch_size: 1\n"
		 "  dev.debug_mode: true\n"
		 "  dev.name: \"a \\u0022quoted\\u0022 \\u005c name\"\n"
		 "history:\n"
		 "- [1, %lld, update, ai.planning.sampling_rate, \"0.5\","
		 " \"0.1\"]\n"
		 "- [1, %lld, update, capture.batch_size, \"100\", \"1\"]\n"
		 "- [1, %lld, update, dev.name, \"none\","
		 " \"a \\u0022quoted\\u0022 \\u005c name\"]\n"
		 "- [2, %lld, update, dev.debug_mode, \"false\", \"true\"]\n",
		 (long long)c[0].time, (long long)c[1].time,
		 (long long)c[2].time, (long long)c[3].time);
	free(c);
	file_is(text);
}

static void the_next_process_goes_on(void **state)
{
	struct fnd_config_change *c;
	size_t n;

	(void)state;
	assert_int_equal(SET("any", FND_INTEGER(1)), 0);
	assert_int_equal(SET("dev.name", FND_STRING("x")), 0);
	assert_int_equal(fnd_config_reset(LONG), 0);
	assert_int_equal(SET("any", FND_INTEGER(4)), 0);
	stop_config();
	assert_int_equal(start_anew(), 0);
	assert_int_equal(version(), 4);
	assert_int_equal(fnd_config_integer("any", 0), 4);
	assert_string_equal(string_of("dev.name"), "none");
	assert_int_equal(fnd_config_history(&c, &n), 0);
	assert_int_equal(n, 5);
	assert_int_equal(c[2].cause, FND_CONFIG_RESET);
	free(c);
	assert_int_equal(fnd_config_rollback(2, LONG), 0);
	assert_int_equal(fnd_config_integer("any", 0), 1);
	assert_string_equal(string_of("dev.name"), "x");
	assert_int_equal(version(), 5);
}

static void any_string_comes_back(void **state)
{
	static const char *const strings[] = {
		"", " ", "~", "null", "true", "1", "- a", "a: b", "#", "'", "\"",
		"\\", "\n", "a\nb\n", "\t", "\r\n", "\x01\x1f\x7f",
		"\u00e4",
		"\xc2\x85", "\u00a0", "\u2028\u2029", "\ufeff", "\ufffe\uffff",
		"\U0001f980", "\U0010ffff", "%", "@", "`", "a\\u0041", "[", "{",
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(strings); i++) {
		next_file();
		assert_int_equal(start_anew(), 0);
		assert_int_equal(SET("dev.name", FND_STRING(strings[i])), 0);
		stop_config();
		assert_int_equal(start_anew(), 0);
		assert_string_equal(string_of("dev.name"), strings[i]);
		stop_config();
	}
}

/* Whatever point the program's locale has. */
static void any_number_comes_back(void **state)
{
	const double reals[] = {
		0.1, 1.0 / 3, 1e300, 5e-324, 0.5, -0.0, 2.5, 1e22,
		123456789.125,
	};
	char text[FND__CONFIG_TEXT];
	struct fnd_config_value v;
	size_t i;

	(void)state;
	setlocale(LC_ALL, "de_DE.UTF-8");
	for (i = 0; i < N_OF(reals); i++) {
		v = (struct fnd_config_value)FND_REAL(reals[i]);
		fnd__config_format(&v, text);
		assert_null(strchr(text, ','));
		assert_int_equal(fnd__config_parse("p", FND_CONFIG_REAL, text,
						   &v), 0);
		assert_true(v.real == reals[i]);
	}
	setlocale(LC_ALL, "C");
	v = (struct fnd_config_value)FND_REAL(0.1);
	fnd__config_format(&v, text);
	assert_string_equal(text, "0.1");
	v = (struct fnd_config_value)FND_INTEGER(INT64_MIN);
	fnd__config_format(&v, text);
	assert_int_equal(fnd__config_parse("p", FND_CONFIG_INTEGER, text, &v),
			 0);
	assert_true(v.integer == INT64_MIN);
}

static void texts_that_are_no_value(void **state)
{
	static const struct {
		enum fnd_config_kind kind;
		const char *text;
	} bad[] = {
		{ FND_CONFIG_BOOLEAN, "yes" }, { FND_CONFIG_BOOLEAN, "" },
		{ FND_CONFIG_INTEGER, "" }, { FND_CONFIG_INTEGER, " 1" },
		{ FND_CONFIG_INTEGER, "1 " }, { FND_CONFIG_INTEGER, "1.5" },
		{ FND_CONFIG_INTEGER, "9223372036854775808" },
		{ FND_CONFIG_INTEGER, "0x1" }, { FND_CONFIG_INTEGER, "-" },
		{ FND_CONFIG_REAL, "" }, { FND_CONFIG_REAL, "1,5" },
		{ FND_CONFIG_REAL, "nan" }, { FND_CONFIG_REAL, "inf" },
		{ FND_CONFIG_REAL, " 1" }, { FND_CONFIG_REAL, "1e" },
	};
	static const char *const bad_utf8[] = {
		"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80",
		"\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xe2\x82",
	};
	const unsigned char *at;
	struct fnd_config_value v;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(bad); i++)
		assert_int_equal(fnd__config_parse("p", bad[i].kind,
						   bad[i].text, &v), -EINVAL);
	assert_string_equal(sup_error(), "p: \"1e\" is not a real number");
	for (i = 0; i < N_OF(bad_utf8); i++) {
		at = (const unsigned char *)bad_utf8[i];
		assert_int_equal(fnd__utf8_next(&at), -1);
	}
}

static void a_person_may_write_it(void **state)
{
	(void)state;
	write_file("# of the night\n"
		   "values:\n"
		   "  ai:\n"
		   "    provider: other\n"
		   "    planning: {sampling_rate: 1}\n"
		   "  dev.name: 'a b'\n"
		   "  capture:\n"
		   "    batch_size: 7\n");
	assert_int_equal(start_anew(), 0);
	assert_string_equal(string_of("ai.provider"), "other");
	assert_true(fnd_config_real("ai.planning.sampling_rate", 0) == 1);
	assert_string_equal(string_of("dev.name"), "a b");
	assert_int_equal(fnd_config_integer("capture.batch_size", 0), 7);
	assert_int_equal(version(), 0);
	/* A reset leaves alone what cannot be updated. */
	assert_int_equal(fnd_config_reset(LONG), 0);
	assert_string_equal(string_of("ai.provider"), "other");
	assert_int_equal(fnd_config_integer("capture.batch_size", 0), 100);
	/* What was there before is the oldest to go back to. */
	assert_int_equal(fnd_config_rollback(0, LONG), 0);
	assert_int_equal(fnd_config_integer("capture.batch_size", 0), 7);
}

static void files_without_anything(void **state)
{
	static const char *const empty[] = {
		"", "# nothing\n", "values:\n", "version: 5\nvalues: {}\n",
		"---\nhistory: []\n", "history:\n", "{}\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(empty); i++) {
		write_file(empty[i]);
		assert_int_equal(start_anew(), 0);
		assert_int_equal(version(), strstr(empty[i], "5") ? 5 : 0);
		assert_int_equal(fnd_config_rollback(version(), LONG), 0);
		stop_config();
	}
}

static const struct {
	const char *text;
	int error;
	const char *sentence;	/* behind the file's name */
} bad_files[] = {
	{ "values:\n  no.such: 1\n", -ENOENT,
	  ":2: no.such: there is no such setting" },
	{ "values:\n  any: x\n", -EINVAL, ":2: any: \"x\" is not an integer" },
	{ "values:\n  any: [1]\n", -EINVAL, ":2: any: it is no value" },
	{ "values:\n  any: 1\n  any: 2\n", -EINVAL,
	  ":3: any: it is there twice" },
	{ "values:\n  capture:\n    batch_size: 1001\n", -ERANGE,
	  ":3: capture.batch_size: 1001 is more than 1000" },
	{ "values: [1]\n", -EINVAL, ":1: values: it is no mapping" },
	{ "values:\n  ? [1]\n  : 2\n", -EINVAL, ":2: values: it is no path" },
	{ "values:\n  dev.name: \"a\\0b\"\n", -EINVAL,
	  ":2: dev.name: it is no value" },
	{ "[1]\n", -EINVAL, ":1: it is no mapping" },
	{ "version: 1\nother: 1\n", -EINVAL,
	  ":2: it is none of version, values, history" },
	{ "version: -1\n", -EINVAL, ":1: version: it is no number" },
	{ "history: 1\n", -EINVAL, ":1: history: it is no sequence" },
	{ "history:\n- [1]\n", -EINVAL, ":2: history: it is no change" },
	{ "version: 9\nhistory:\n- [2, 1, update, any, \"1\", \"2\"]\n"
	  "- [1, 1, update, any, \"1\", \"2\"]\n", -EINVAL,
	  ":4: history: the version is not in order" },
	{ "version: 1\nhistory:\n- [2, 1, update, any, \"1\", \"2\"]\n",
	  -EINVAL, ":1: version: there is a later one in the history" },
	{ "history:\n- [1, 1, whim, any, \"1\", \"2\"]\n", -EINVAL,
	  ":2: history: it is no change" },
	{ "values:\n\tany: 1\n", -EINVAL,
	  ":2: found character that cannot start any token" },
	{ "a: [\n", -EINVAL, ":2: did not find expected node content" },
};

static void bad_files_are_named(void **state)
{
	char sentence[200];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(bad_files); i++) {
		write_file(bad_files[i].text);
		assert_int_equal(start_anew(), bad_files[i].error);
		snprintf(sentence, sizeof(sentence), "file: %s%s", file,
			 bad_files[i].sentence);
		if (!strstr(sup_error(), sentence))
			assert_string_equal(sup_error(), sentence);
	}
}

static void a_history_of_another_schema(void **state)
{
	struct fnd_config_change *c;
	size_t n;

	(void)state;
	write_file("version: 3\nhistory:\n"
		   "- [1, 5, update, gone, \"1\", \"2\"]\n"
		   "- [2, 6, update, any, \"x\", \"2\"]\n"
		   "- [3, 7, reset, dev.debug_mode, \"true\", \"false\"]\n");
	assert_int_equal(start_anew(), 0);
	assert_int_equal(fnd_config_history(&c, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(c[0].from.kind, FND_CONFIG_STRING);
	assert_string_equal(c[0].from.string, "x");
	assert_int_equal(c[0].to.integer, 2);
	assert_int_equal(c[1].time, 7);
	free(c);
	assert_int_equal(fnd_config_rollback(2, LONG), 0);
	assert_true(fnd_config_boolean("dev.debug_mode", false));
	/* What it cannot be any more. */
	assert_int_equal(fnd_config_rollback(1, LONG), -EINVAL);
	assert_string_equal(sup_error(), "any: \"x\" is not an integer");
	assert_true(fnd_config_boolean("dev.debug_mode", false));
}

static void reloading(void **state)
{
	(void)state;
	assert_int_equal(SET("any", FND_INTEGER(1)), 0);
	write_file("values:\n  dev.name: edited\n");
	assert_int_equal(fnd_config_reload(LONG), 0);
	assert_string_equal(string_of("dev.name"), "edited");
	assert_int_equal(fnd_config_integer("any", 1), 0);
	assert_int_equal(version(), 2);
	assert_int_equal(fnd_config_reload(LONG), 0);
	assert_int_equal(version(), 2);
	write_file("values:\n  dev.name: again\n  any: x\n");
	assert_int_equal(fnd_config_reload(LONG), -EINVAL);
	assert_non_null(strstr(sup_error(), ":3: any: \"x\" is not"));
	write_file("values:\n  dev.name: again\n  ai.provider: other\n");
	assert_int_equal(fnd_config_reload(LONG), -EPERM);
	assert_string_equal(sup_error(), "ai.provider: it is not updatable");
	assert_string_equal(string_of("dev.name"), "edited");
	assert_int_equal(fnd_config_rollback(1, LONG), 0);
	assert_int_equal(fnd_config_integer("any", 0), 1);
}

static void who_may_read_it_stays(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(SET("any", FND_INTEGER(1)), 0);
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(SET("any", FND_INTEGER(2)), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void one_service_has_the_file(void **state)
{
	char lock[80];
	int fd;

	(void)state;
	snprintf(lock, sizeof(lock), "%s-lock", file);
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(start_anew(), -EBUSY);
	assert_non_null(strstr(sup_error(), "another service has it"));
	close(fd);
	assert_int_equal(start_anew(), 0);
}

static void bad_options(void **state)
{
	static const char *const none[] = { "x", NULL };
	struct fnd_config_entry bad[] = {
		{ .path = "", .value = FND_INTEGER(1) },
		{ .path = "a..b", .value = FND_INTEGER(1) },
		{ .path = ".a", .value = FND_INTEGER(1) },
		{ .path = "a.", .value = FND_INTEGER(1) },
		{ .path = "a b", .value = FND_INTEGER(1) },
		{ .path = "-", .value = FND_INTEGER(1) },
		{ .path = NULL, .value = FND_INTEGER(1) },
		{ .path = "a", .value = { .kind = FND_CONFIG_NONE } },
		{ .path = "a", .value = { .kind = 9 } },
		{ .path = "a", .value = FND_INTEGER(1),
		  .min = FND_REAL(1) },
		{ .path = "a", .value = FND_STRING("x"),
		  .min = FND_STRING("x") },
		{ .path = "a", .value = FND_INTEGER(1), .choices = none },
		{ .path = "a", .value = FND_STRING("y"), .choices = none },
		{ .path = "a", .value = FND_STRING(NULL) },
	};
	struct fnd_config_options o = { .size = sizeof(o), .n = 1 };
	struct fnd_config_entry out = {
		.path = "a", .value = FND_INTEGER(1), .min = FND_INTEGER(2),
	};
	struct fnd_config_entry twice[] = { schema[0], schema[0] };
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(bad); i++) {
		o.schema = &bad[i];
		assert_int_equal(start_config(&o), -EINVAL);
	}
	o.schema = &out;
	assert_int_equal(start_config(&o), -ERANGE);
	assert_non_null(strstr(sup_error(), "schema[0]: a: 1 is less than 2"));
	o.schema = twice;
	o.n = 2;
	assert_int_equal(start_config(&o), -EINVAL);
	assert_non_null(strstr(sup_error(), "schema[1]: ai.provider: it is "
			       "there twice"));
	o.schema = NULL;
	assert_int_equal(start_config(&o), -EINVAL);
	o.size = 4096;
	assert_int_equal(start_config(&o), -EINVAL);
	in_file.file = "/nonexistent/config";
	assert_int_equal(start_anew(), -ENOENT);
	in_file.file = file;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFIG_CASE(an_update_is_on_the_disk),
		CONFIG_CASE(what_fails_changes_nothing),
		CONFIG_CASE(what_is_written),
		CONFIG_CASE(the_next_process_goes_on),
		FILE_CASE(any_string_comes_back),
		cmocka_unit_test(any_number_comes_back),
		cmocka_unit_test(texts_that_are_no_value),
		FILE_CASE(a_person_may_write_it),
		FILE_CASE(files_without_anything),
		FILE_CASE(bad_files_are_named),
		FILE_CASE(a_history_of_another_schema),
		CONFIG_CASE(reloading),
		CONFIG_CASE(who_may_read_it_stays),
		FILE_CASE(one_service_has_the_file),
		FILE_CASE(bad_options),
	};

	return RUN_CONFIG_TESTS(tests);
}
