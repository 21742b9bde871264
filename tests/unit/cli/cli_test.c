/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli_test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void said_open(struct said *said)
{
    said->stream = open_memstream(&said->text, &said->len);
    ck_assert_ptr_nonnull(said->stream);
}

const char *said_text(struct said *said)
{
    ck_assert_int_eq(fclose(said->stream), 0);
    return said->text;
}

void said_free(struct said *said)
{
    free(said->text);
}

const char *temp_directory(void)
{
    const char *directory = getenv("TMPDIR");

    return directory != NULL && directory[0] != '\0' ? directory : "/tmp";
}

void temp_file(char path[TEMP_PATH_BYTES], const char *text)
{
    snprintf(path, TEMP_PATH_BYTES, "%s/hugewire-cli-XXXXXX", temp_directory());
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    size_t len = strlen(text);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    close(fd);
}

bool lines_agree(const char *said, const char *path, const char *expected)
{
    char begin[1024];

    while (*expected != '\0') {
        size_t len = strcspn(expected, "\n");

        snprintf(begin, sizeof(begin), "%s:%.*s", path, (int)len, expected);
        if (strncmp(said, begin, strlen(begin)) != 0)
            return false;
        said += strcspn(said, "\n");
        said += *said == '\n';
        expected += len + (expected[len] == '\n');
    }
    return *said == '\0';
}

int main(void)
{
    Suite *suite = suite_create("cli");
    SRunner *runner = srunner_create(suite);

    suite_add_tcase(suite, values_case());
    suite_add_tcase(suite, config_case());
    suite_add_tcase(suite, options_case());
    suite_add_tcase(suite, doctor_case());
    suite_add_tcase(suite, access_case());
    suite_add_tcase(suite, sites_case());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
