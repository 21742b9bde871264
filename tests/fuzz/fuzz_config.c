/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A configuration file. Whatever is in it: each mistake is one line with the file's name and no
 * control characters; what is accepted is printed as a configuration that is the same when it is
 * read again.
 */
#include <ctype.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/config.h"
#include "fuzz.h"

#define LINES_MAX 33 /* as many mistakes as are told, and how many more there are */

static char path[32]; /* of a file in memory */
static int fd = -1;

static void file_write(const void *text, size_t len)
{
    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        FUZZ_CHECK(fd >= 0, "memfd_create");
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    FUZZ_CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, text, len, 0) == (ssize_t)len, "memory file");
}

static void check_said(const char *said, unsigned mistakes)
{
    unsigned lines = 0;

    for (const char *p = said; *p != '\0'; lines++) {
        FUZZ_CHECK(strncmp(p, path, strlen(path)) == 0, "line without the file's name: %s", p);
        for (; *p != '\n'; p++)
            FUZZ_CHECK(*p != '\0' && !iscntrl((unsigned char)*p), "control character in: %s", said);
        p++;
    }
    FUZZ_CHECK((lines == 0) == (mistakes == 0) && lines <= LINES_MAX, "%u mistakes in %u lines",
               mistakes, lines);
}

/* Reads the file over the defaults; returns the mistakes. */
static unsigned load(struct config *config, bool whole)
{
    char *said = NULL;
    size_t said_len = 0;
    FILE *errors = open_memstream(&said, &said_len);

    FUZZ_CHECK(errors != NULL, "no memory");
    config_defaults(config);
    unsigned mistakes =
        whole ? config_load_whole(config, path, errors) : config_load(config, path, errors);
    fclose(errors);
    check_said(said, mistakes);
    free(said);
    return mistakes;
}

static char *print(const struct config *config, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);

    FUZZ_CHECK(out != NULL, "no memory");
    FUZZ_CHECK(config_print(config, out), "config_print");
    fclose(out);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config config, again;

    file_write(data, size);
    unsigned mistakes = load(&config, false);
    config_release(&config);
    unsigned all = load(&config, true);
    FUZZ_CHECK(all >= mistakes, "%u mistakes, and %u in all", mistakes, all);
    if (all != 0)
        return 0;

    size_t len, again_len;
    char *text = print(&config, &len);
    file_write(text, len);
    FUZZ_CHECK(load(&again, true) == 0, "what was printed is refused:\n%s", text);
    char *text_again = print(&again, &again_len);
    FUZZ_CHECK(strcmp(text, text_again) == 0, "printed again it is another:\n%s\n%s", text,
               text_again);
    free(text);
    free(text_again);
    config_release(&config);
    config_release(&again);
    return 0;
}
