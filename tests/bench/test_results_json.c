/* test_results_json.c - results.json holds all, and whatever else a file holds is refused. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "made_results.h"
#include "results_json.h"

static struct results written, found;
static char path[] = "/tmp/test_results_json.XXXXXX/results.json";
static char mistake[RESULTS_JSON_MISTAKE];

static void make_directory(void)
{
    char *slash = strrchr(path, '/');

    *slash = '\0';
    cr_assert(mkdtemp(path) != NULL);
    *slash = '/';
}

static void remove_directory(void)
{
    (void)unlink(path);
    *strrchr(path, '/') = '\0';
    (void)rmdir(path);
    results_destroy(&written);
    results_destroy(&found);
}

TestSuite(results_json, .init = make_directory, .fini = remove_directory, .timeout = 120);

static void make_results(void)
{
    struct result_row *row;

    made_machine(&written.machine);
    (void)strcpy(written.command, "iocp-bench --rounds 3 \"quoted\"");
    (void)strcpy(written.started, "2026-11-23T06:45:00Z");
    written.elapsed_s = 61.25;
    written.interrupted = true;
    made_case(&written, "open");
    row = made_row(&written, "iocp-server", true, ROUNDS(5.1, 4.9, 5.0));
    for (int i = 0; i < FIGURES; i++)
        row->figures[i] = (struct series){{i + 0.1, i + 0.3, i + 0.2}, 3};
    row->latency_count = UINT64_C(1) << 40;
    for (size_t i = 0; i < RESULTS_PERCENTILES; i++) {
        row->latency_us[i] = (double)i + 0.5;
        row->uncorrected_us[i] = (double)i + 0.125;
    }
    for (int i = 0; i < LOAD_ERRORS; i++)
        row->errors[i] = (uint64_t)i + 3;
    row = made_row(&written, "peer", false, ROUNDS(0));
    row->state = ROW_SKIPPED;
    (void)strcpy(row->trouble, "it is\nnot there");
    made_row(&written, "liar", false, ROUNDS(1))->state = ROW_INVALID;
    made_case(&written, "closed")->planned_rate = 0;
    made_row(&written, "late", false, ROUNDS(2))->state = ROW_FAILED;
}

static void expect_found(void)
{
    mistake[0] = '\0';
    cr_assert(zero(int, results_json_read(path, &found, mistake, sizeof mistake)), "%s", mistake);
}

static void expect_same_machine(const struct fingerprint *a, const struct fingerprint *b)
{
    expect_text(a->cpu, b->cpu);
    cr_expect(eq(uint, a->cpus, b->cpus));
    cr_expect(eq(dbl, a->memory_gib, b->memory_gib));
    expect_text(a->kernel, b->kernel);
    expect_text(a->os, b->os);
    cr_expect(eq(ulong, a->descriptors, b->descriptors));
    expect_text(a->engine, b->engine);
    expect_text(a->compiler, b->compiler);
    expect_text(a->flags, b->flags);
    expect_text(a->version, b->version);
    expect_text(a->commit, b->commit);
    cr_expect(eq(int, a->dirty, b->dirty));
}

static void expect_same_case(const struct result_case *a, const struct result_case *b)
{
    expect_text(a->id, b->id);
    expect_text(a->title, b->title);
    expect_text(a->scenario, b->scenario);
    expect_text(a->placement, b->placement);
    cr_expect(eq(sz, a->connections, b->connections));
    cr_expect(eq(sz, a->idle_connections, b->idle_connections));
    cr_expect(eq(sz, a->message_size, b->message_size));
    cr_expect(eq(sz, a->depth, b->depth));
    cr_expect(eq(sz, a->workers, b->workers));
    cr_expect(eq(dbl, a->planned_rate, b->planned_rate));
}

static void expect_same_row(const struct result_row *a, const struct result_row *b)
{
    cr_expect(eq(sz, a->which_case, b->which_case));
    expect_text(a->subject, b->subject);
    cr_expect(eq(int, a->ours, b->ours));
    cr_expect(eq(int, (int)a->state, (int)b->state));
    expect_text(a->trouble, b->trouble);
    for (int i = 0; i < FIGURES; i++) {
        cr_assert(eq(sz, a->figures[i].count, b->figures[i].count));
        for (size_t j = 0; j < a->figures[i].count; j++)
            cr_expect(eq(dbl, a->figures[i].values[j], b->figures[i].values[j]));
    }
    cr_expect(eq(u64, a->latency_count, b->latency_count));
    for (size_t i = 0; i < RESULTS_PERCENTILES; i++) {
        cr_expect(eq(dbl, a->latency_us[i], b->latency_us[i]));
        cr_expect(eq(dbl, a->uncorrected_us[i], b->uncorrected_us[i]));
    }
    for (int i = 0; i < LOAD_ERRORS; i++)
        cr_expect(eq(u64, a->errors[i], b->errors[i]));
}

Test(results_json, gives_back_every_member_as_it_was)
{
    make_results();
    cr_assert(zero(int, results_json_write(&written, path)));
    expect_found();
    expect_same_machine(&found.machine, &written.machine);
    expect_text(found.command, written.command);
    expect_text(found.started, written.started);
    cr_expect(eq(dbl, found.elapsed_s, written.elapsed_s));
    cr_expect(eq(int, found.interrupted, written.interrupted));
    cr_assert(eq(sz, found.case_count, written.case_count));
    cr_assert(eq(sz, found.row_count, written.row_count));
    for (size_t i = 0; i < written.case_count; i++)
        expect_same_case(&found.cases[i], &written.cases[i]);
    for (size_t i = 0; i < written.row_count; i++)
        expect_same_row(&found.rows[i], &written.rows[i]);
}

static char *contents(void)
{
    char *text = calloc(1, 1 << 20);
    FILE *file = fopen(path, "re");

    cr_assert(file != NULL);
    cr_assert(lt(sz, 0, fread(text, 1, (1 << 20) - 1, file)));
    (void)fclose(file);
    return text;
}

static void put(const char *text, size_t size)
{
    FILE *file = fopen(path, "we");

    cr_assert(file != NULL);
    cr_assert(eq(sz, fwrite(text, 1, size, file), size));
    (void)fclose(file);
}

Test(results_json, is_written_the_same_way_each_time_and_leaves_nothing_beside)
{
    char beside[sizeof path + 8];

    make_results();
    cr_assert(zero(int, results_json_write(&written, path)));
    char *first = contents();
    expect_found();
    cr_assert(zero(int, results_json_write(&found, path)));
    char *second = contents();
    expect_text(first, second);
    cr_expect(zero(int, strncmp(first, "{\n  \"schema\": 1,", 16)), "the schema comes first");
    cr_expect(strstr(first, " 5.1") != NULL && strstr(first, "99999") == NULL,
              "numbers have no digits that nobody measured");
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    cr_expect(eq(int, access(beside, F_OK), -1));
    free(second);
    free(first);
}

Test(results_json, replaces_bytes_that_are_no_text)
{
    make_results();
    (void)strcpy(written.rows[0].trouble, "cut here: \xc3");
    cr_assert(zero(int, results_json_write(&written, path)));
    expect_found();
    expect_text(found.rows[0].trouble, "cut here: ?");
}

Test(results_json, leaves_the_old_file_when_the_new_one_cannot_be_written)
{
    make_results();
    cr_assert(zero(int, results_json_write(&written, path)));
    char *before = contents();
    written.rows[0].figures[FIGURE_CPU_US].values[1] = NAN;
    cr_expect(eq(int, results_json_write(&written, path), -EDOM));
    written.rows[0].figures[FIGURE_CPU_US].values[1] = 1;
    written.elapsed_s = INFINITY;
    cr_expect(eq(int, results_json_write(&written, path), -EDOM));
    char *after = contents();
    expect_text(before, after);
    written.elapsed_s = 1;
    cr_expect(eq(int, results_json_write(&written, "/no such place/results.json"), -ENOENT));
    free(after);
    free(before);
}

static void expect_refused(int error, const char *why)
{
    struct results untouched = {.elapsed_s = 77};

    mistake[0] = '\0';
    cr_expect(eq(int, results_json_read(path, &untouched, mistake, sizeof mistake), error));
    expect_part(mistake, why);
    cr_expect(strchr(mistake, '\n') == NULL);
    cr_expect(eq(dbl, untouched.elapsed_s, 77));
    cr_expect(zero(ptr, untouched.rows));
}

Test(results_json, refuses_a_file_that_is_cut_off_anywhere)
{
    make_results();
    cr_assert(zero(int, results_json_write(&written, path)));
    char *text = contents();
    size_t size = strlen(text);

    for (size_t cut = 0; cut < size - 2; cut++) {
        put(text, cut);
        expect_refused(-EPROTO, "not JSON: line ");
    }
    free(text);
}

/* Some changes are not to be seen, as one of a digit; none may do harm. */
Test(results_json, survives_any_byte_that_is_changed)
{
    static const char wrong[] = {'\0', '"', '[', '}', '-', '9', '\n', '\xff'};

    make_results();
    cr_assert(zero(int, results_json_write(&written, path)));
    char *text = contents();
    size_t size = strlen(text), refused = 0;

    for (size_t at = 0; at < size; at++) {
        const char kept = text[at];

        text[at] = wrong[at % sizeof wrong];
        put(text, size);
        mistake[0] = '\0';
        refused += results_json_read(path, &found, mistake, sizeof mistake) < 0;
        cr_expect(strchr(mistake, '\n') == NULL, "it said: %s", mistake);
        results_destroy(&found);
        text[at] = kept;
    }
    cr_expect(lt(sz, size / 4, refused));
    free(text);
}

Test(results_json, says_what_is_wrong_with_a_file)
{
    expect_refused(-ENOENT, "No such file");
    put("{\n  \"a\": nonsense}", 18);
    expect_refused(-EPROTO, "line 2, column 15: invalid token near 'nonsense'");
    put("[]", 2);
    expect_refused(-EPROTO, "schema is missing");
    put("{\"schema\": 3}", 13);
    expect_refused(-EPROTO, ".json: has schema 3, this program reads 1");
    put("{\"schema\": 1}", 13);
    expect_refused(-EPROTO, "command is missing");
    put("\"\n\x01\xff\n\"", 6);
    expect_refused(-EPROTO, "not JSON");
    put("[\x1b", 2);
    expect_refused(-EPROTO, "invalid token near '?'"); /* nothing that a terminal obeys */
    cr_assert(zero(int, unlink(path)));
    cr_assert(zero(int, mkdir(path, 0700)));
    expect_refused(-EIO, "cannot be read");
    cr_assert(zero(int, rmdir(path)));
}

/* Write the document with a change, which is then taken back. */
static void put_document(const json_t *root)
{
    cr_assert(zero(int, json_dump_file(root, path, 0)));
}

static json_t *document(void)
{
    make_results();
    cr_assert(zero(int, results_json_write(&written, path)));
    json_t *root = json_load_file(path, 0, NULL);
    cr_assert(root != NULL);
    return root;
}

static bool is_optional(const char *key)
{
    return figure_find(key) != FIGURES;
}

/* Each member in turn is of a type that it must not have, then missing. */
static void spoil_members(const json_t *root, json_t *object)
{
    json_t *members = json_copy(object);
    const char *key;
    char named[64];
    json_t *value;

    json_object_foreach(members, key, value)
    {
        (void)json_object_set_new(object, key, json_is_array(value) ? json_object() : json_array());
        put_document(root);
        (void)snprintf(named, sizeof named, "%s is not ", key);
        expect_refused(-EPROTO, named);
        if (!is_optional(key)) {
            (void)json_object_del(object, key);
            put_document(root);
            (void)snprintf(named, sizeof named, "%s is missing", key);
            expect_refused(-EPROTO, named);
        }
        (void)json_object_set(object, key, value);
    }
    json_decref(members);
}

static void spoil_elements(const json_t *root, json_t *object, const char *key)
{
    json_t *array = json_object_get(object, key);
    char named[64];

    for (size_t i = 0; i < json_array_size(array); i++) {
        json_t *kept = json_incref(json_array_get(array, i));

        (void)json_array_set_new(array, i, json_null());
        put_document(root);
        (void)snprintf(named, sizeof named, "%s[%zu] is not ", key, i);
        expect_refused(-EPROTO, named);
        (void)json_array_set_new(array, i, kept);
    }
}

Test(results_json, names_the_member_that_is_missing_or_of_another_type)
{
    json_t *root = document();
    json_t *one = json_array_get(json_object_get(root, "cases"), 0);
    json_t *row = json_array_get(json_object_get(one, "rows"), 0);
    json_t *objects[] = {root, json_object_get(root, "machine"), one,
                         row,  json_object_get(row, "figures"),  json_object_get(row, "errors")};

    spoil_elements(root, root, "cases");
    spoil_elements(root, root, "percentiles");
    spoil_elements(root, one, "rows");
    spoil_elements(root, row, "latency_us");
    spoil_elements(root, row, "uncorrected_us");
    spoil_elements(root, json_object_get(row, "figures"), "cpu_us");
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        spoil_members(root, objects[i]);
    put_document(root);
    expect_found();
    json_decref(root);
}

/* Change one member of the object at a place in the document, and see it refused. */
static void expect_change_refused(json_t *root, json_t *object, const char *key, json_t *wrong,
                                  const char *why)
{
    json_t *kept = json_incref(json_object_get(object, key));

    (void)json_object_set_new(object, key, wrong);
    put_document(root);
    expect_refused(-EPROTO, why);
    (void)json_object_set_new(object, key, kept);
}

static json_t *numbers(size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(array, json_real(1));
    return array;
}

Test(results_json, refuses_what_does_not_fit)
{
    json_t *root = document();
    json_t *machine = json_object_get(root, "machine");
    json_t *one = json_array_get(json_object_get(root, "cases"), 0);
    json_t *row = json_array_get(json_object_get(one, "rows"), 0);
    char text[64 + 1];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    expect_change_refused(root, one, "id", json_string(text),
                          "cases[0].id is longer than 63 bytes");
    expect_change_refused(root, one, "depth", json_integer(-1), "cases[0].depth is less than 0");
    expect_change_refused(root, one, "depth", json_real(1), "cases[0].depth is not a count");
    expect_change_refused(root, machine, "cpus", json_integer(INT64_C(1) << 32),
                          "machine.cpus is more than 4294967295");
    expect_change_refused(root, row, "state", json_string("fine"),
                          "cases[0].rows[0].state is not measured");
    expect_change_refused(root, row, "latency_us", numbers(RESULTS_PERCENTILES - 1),
                          "cases[0].rows[0].latency_us has 19 members, not 20");
    expect_change_refused(root, row, "latency_us", numbers(RESULTS_PERCENTILES + 1),
                          "cases[0].rows[0].latency_us has 21 members, of at most 20");
    expect_change_refused(root, json_object_get(row, "figures"), "rate", numbers(ROUNDS_MAX + 1),
                          "cases[0].rows[0].figures.rate has 100 members, of at most 99");
    expect_change_refused(root, root, "percentiles", numbers(RESULTS_PERCENTILES),
                          "percentiles has 1, where this program has 0");
    put_document(root);
    expect_found();
    json_decref(root);
}
