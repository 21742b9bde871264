/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/control.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PREFIX "hugewire-"
#define SOCKET "dpdk_telemetry.v2"

/* What DPDK sends at the most in one message, and some. */
#define MESSAGE_BYTES (64u << 10)
#define ANSWER_S      5
#define RELOAD_S      3600 /* it reads files */

#define FAIL(...)     (snprintf(error, CONTROL_ERROR_BYTES, __VA_ARGS__), false)

/* As EAL chooses it. */
const char *control_directory(char *text, size_t text_bytes)
{
    const char *base = getenv("RUNTIME_DIRECTORY");

    if (base == NULL && getuid() == 0)
        base = "/var/run";
    if (base == NULL)
        base = getenv("XDG_RUNTIME_DIR");
    snprintf(text, text_bytes, "%s/dpdk", base != NULL ? base : "/tmp");
    return text;
}

/* The next message, NUL-terminated. */
static bool receive(int fd, char message[MESSAGE_BYTES])
{
    ssize_t n = recv(fd, message, MESSAGE_BYTES - 1, 0);

    if (n <= 0)
        return false;
    message[n] = '\0';
    return true;
}

/* A descriptor, or -1: nobody is there. The server greets first. */
static int door_open(const char *directory, int pid)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct timeval patience = { .tv_sec = ANSWER_S };
    static char greeting[MESSAGE_BYTES];
    int len = snprintf(address.sun_path, sizeof(address.sun_path), "%s/" PREFIX "%d/" SOCKET,
                       directory, pid);

    if (len >= (int)sizeof(address.sun_path))
        return -1;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)); /* connect(), too */
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
        receive(fd, greeting))
        return fd;
    close(fd);
    return -1;
}

/* Looks for the one server that runs. */
static bool only_one(struct control *control, const char *directory,
                     char error[CONTROL_ERROR_BYTES])
{
    DIR *stream = opendir(directory);
    struct dirent *entry;
    int end;

    while (stream != NULL && (entry = readdir(stream)) != NULL) {
        int pid, fd;

        if (sscanf(entry->d_name, PREFIX "%d%n", &pid, &end) != 1 || entry->d_name[end] != '\0' ||
            (fd = door_open(directory, pid)) < 0)
            continue;
        if (control->fd >= 0) {
            close(fd);
            closedir(stream);
            snprintf(error, CONTROL_ERROR_BYTES,
                     "several servers run (%d and %d, at least): choose one with --pid",
                     control->pid, pid);
            control_close(control);
            return false;
        }
        *control = (struct control){ .fd = fd, .pid = pid };
    }
    if (stream != NULL)
        closedir(stream);
    return control->fd >= 0 ||
           FAIL("no hugewire serve of this user runs (none below %s answers)", directory);
}

bool control_open(struct control *control, const char *directory, int pid,
                  char error[CONTROL_ERROR_BYTES])
{
    *control = (struct control){ .fd = -1, .pid = pid };
    if (pid == 0)
        return only_one(control, directory, error);
    control->fd = door_open(directory, pid);
    return control->fd >= 0 || FAIL("process %d is no hugewire serve of this user that answers "
                                    "(%s/" PREFIX "%d)",
                                    pid, directory, pid);
}

json_t *control_ask(const struct control *control, const char *command,
                    char error[CONTROL_ERROR_BYTES])
{
    static char message[MESSAGE_BYTES];
    size_t len = strlen(command);

    if (send(control->fd, command, len, MSG_NOSIGNAL) != (ssize_t)len ||
        !receive(control->fd, message)) {
        snprintf(error, CONTROL_ERROR_BYTES, "server %d does not answer: %s", control->pid,
                 strerror(errno));
        return NULL;
    }
    json_t *whole = json_loads(message, 0, NULL);
    json_t *answer = json_object_iter_value(json_object_iter(whole));
    if (json_is_object(answer) || json_is_array(answer)) {
        json_incref(answer);
    } else {
        answer = NULL;
        snprintf(error, CONTROL_ERROR_BYTES, "server %d does not know %s", control->pid, command);
    }
    json_decref(whole);
    return answer;
}

void control_close(struct control *control)
{
    if (control->fd >= 0)
        close(control->fd);
    control->fd = -1;
}

json_t *control_ask_server(int pid, const char *command, long patience_s,
                           char error[CONTROL_ERROR_BYTES])
{
    const struct timeval patience = { .tv_sec = patience_s };
    char directory[256];
    struct control control;
    json_t *answer = NULL;

    if (control_open(&control, control_directory(directory, sizeof(directory)), pid, error)) {
        setsockopt(control.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        answer = control_ask(&control, command, error);
    }
    control_close(&control);
    return answer;
}

static long long number(const json_t *answer, const char *name)
{
    return json_integer_value(json_object_get(answer, name));
}

int control_reload(int pid, FILE *out, FILE *errors)
{
    char error[CONTROL_ERROR_BYTES];
    json_t *answer = control_ask_server(pid, "/hugewire/reload", RELOAD_S, error);

    if (answer != NULL && number(answer, "reloaded") == 0) {
        snprintf(error, sizeof(error), "the server is about to end");
        json_decref(answer);
        answer = NULL;
    }
    if (answer == NULL) {
        fprintf(errors, "hugewire: %s\n", error);
        return 2;
    }
    fprintf(
        out,
        "%lld files; since the start %lld added, %lld changed, %lld removed, %lld without room, "
        "%lld beyond pool.files, %lld not read\n",
        number(answer, "files"), number(answer, "added"), number(answer, "changed"),
        number(answer, "removed"), number(answer, "full"), number(answer, "refused"),
        number(answer, "failed"));
    json_decref(answer);
    return 0;
}

int control_reopen(int pid, FILE *errors)
{
    char directory[256], error[CONTROL_ERROR_BYTES];
    struct control control;
    json_t *answer = NULL;

    if (control_open(&control, control_directory(directory, sizeof(directory)), pid, error))
        answer = control_ask(&control, "/hugewire/reopen", error);
    if (answer != NULL && json_integer_value(json_object_get(answer, "reopened")) == 0) {
        snprintf(error, sizeof(error), "server %d has no access log (access_log.path is none)",
                 control.pid);
        json_decref(answer);
        answer = NULL;
    }
    control_close(&control);
    if (answer == NULL) {
        fprintf(errors, "hugewire: %s\n", error);
        return 2;
    }
    json_decref(answer);
    return 0;
}
