/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/protect.h"

#include <assert.h>
#include <errno.h>
#include <ftw.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cap-ng.h>

#include "app/log.h"
#include "app/sandbox.h"
#include "app/sites.h"

static_assert(PROTECT_ERROR_BYTES >= SANDBOX_ERROR_BYTES, "room for any message");

#define DEFAULT_USER "nobody"

/* Entries of ROOT that are looked at: whether its files are for all to read shows among the first,
 * or hardly at all, and a million takes seconds. */
#define READABLE_MAX     65536

#define BIT(cap)         (UINT64_C(1) << (cap))

#define FAIL(error, ...) (snprintf((error), PROTECT_ERROR_BYTES, __VA_ARGS__), false)

/* ---- who ---- */

/* By name, else by number. False: there is none. */
static bool user_find(struct protect *p, const char *name)
{
    const struct passwd *user = getpwnam(name);
    char *end;
    unsigned long number = strtoul(name, &end, 10);

    if (user == NULL && *name != '\0' && *end == '\0' && number < UINT32_MAX) {
        user = getpwuid((uid_t)number);
        p->uid = (uid_t)number;
        p->gid = (gid_t)number;
    } else if (user == NULL) {
        return false;
    }
    p->listed = user != NULL;
    if (user != NULL) {
        p->uid = user->pw_uid;
        p->gid = user->pw_gid;
    }
    return true;
}

static bool choose_user(struct protect *p, char error[PROTECT_ERROR_BYTES])
{
    const char *name = p->config->user;

    if (name[0] == '\0' && geteuid() != 0)
        return true;
    if (!user_find(p, name[0] != '\0' ? name : DEFAULT_USER))
        return FAIL(error, "there is no user '%s': name another one with --user (root stays root)",
                    name[0] != '\0' ? name : DEFAULT_USER);
    if (geteuid() != 0 && p->uid != geteuid())
        return FAIL(error, "only root can become user '%s': start as root, or without --user",
                    name);
    p->drops = geteuid() == 0 && p->uid != 0;
    return true;
}

/* ---- before there are threads ---- */

/* Nothing here starts another program; should it be made to, that one gains nothing. */
static void bound(void)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        log_line(CONFIG_LOG_WARNING, "no_new_privs: %s", strerror(errno));
    if (capng_get_caps_process() != 0 || !capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
        return;
    capng_clear(CAPNG_SELECT_BOUNDS);
    if (capng_apply(CAPNG_SELECT_BOUNDS) != 0)
        log_line(CONFIG_LOG_WARNING, "the bounding set of capabilities cannot be emptied");
}

bool protect_begin(struct protect *p, const struct config *config, char error[PROTECT_ERROR_BYTES])
{
    *p = (struct protect){ .config = config };
    if (!choose_user(p, error))
        return false;
    bound();
    if (p->drops && !janitor_start(&p->janitor))
        log_line(CONFIG_LOG_WARNING,
                 "nobody removes the runtime directory at the end (fork: %s); the next start does",
                 strerror(errno));
    return true;
}

void protect_runtime(const struct protect *p, const char *socket, const char *directory)
{
    janitor_tell(&p->janitor, socket, directory);
}

/* ---- the user and its capabilities ---- */

/* What nftw() found; it hands its visitor no context. */
static struct {
    uint32_t seen;
    char unreadable[PATH_MAX]; /* empty: none */
} walk;

static int visit(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    bool matters = type == FTW_DNR || type == FTW_NS || (type == FTW_F && S_ISREG(stat->st_mode));

    if (!matters || (type == FTW_F && access(path, R_OK) == 0))
        return ++walk.seen > READABLE_MAX;
    snprintf(walk.unreadable, sizeof(walk.unreadable), "%s", path);
    return 1;
}

/* What the user, as which we run already, cannot read below root; NULL: nothing. */
static const char *unreadable_below(const char *root)
{
    memset(&walk, 0, sizeof(walk));
    if (nftw(root, visit, 64, FTW_PHYS) < 0)
        return root;
    return walk.unreadable[0] != '\0' ? walk.unreadable : NULL;
}

static int caps_apply(uint64_t caps)
{
    capng_clear(CAPNG_SELECT_CAPS);
    for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++)
        if ((caps >> cap & 1) != 0)
            capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, cap);
    return capng_apply(CAPNG_SELECT_CAPS);
}

/* libc changes the user of all threads, and with it each loses its capabilities, but for those the
 * calling one asked to keep. */
static bool become(const struct protect *p, uint64_t keep, char error[PROTECT_ERROR_BYTES])
{
    capng_clear(CAPNG_SELECT_CAPS);
    for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++)
        if ((keep >> cap & 1) != 0)
            capng_update(CAPNG_ADD, CAPNG_PERMITTED, cap);
    int rc = capng_change_id((int)p->uid, (int)p->gid,
                             p->listed ? CAPNG_INIT_SUPP_GRP : CAPNG_DROP_SUPP_GRP);
    if (rc != 0 || getuid() != p->uid || geteuid() != p->uid || setuid(0) == 0)
        return FAIL(error,
                    "cannot become user %u (step %d: %s): CAP_SETUID and CAP_SETGID are needed "
                    "(--user root stays root)",
                    (unsigned)p->uid, -rc, strerror(errno));
#ifdef __SANITIZE_ADDRESS__
    prctl(PR_SET_DUMPABLE, 1); /* the leak checker traces its own process */
#endif
    return true;
}

/* The threads that read files may need more than the user has. */
static uint64_t caps_of_readers(const struct protect *p)
{
    const struct config_sites *sites = p->config->sites;
    const char *unreadable = unreadable_below(p->config->root);

    for (uint32_t i = 0; sites != NULL && i < sites->root_count && unreadable == NULL; i++)
        unreadable = unreadable_below(sites->roots[i]);
    if (unreadable == NULL)
        return 0;
    log_line(CONFIG_LOG_WARNING,
             "user %s cannot read '%s': the threads that read files keep CAP_DAC_READ_SEARCH "
             "(chmod -R a+rX below ROOT, or --user, does without)",
             p->config->user[0] != '\0' ? p->config->user : DEFAULT_USER, unreadable);
    return BIT(CAP_DAC_READ_SEARCH);
}

static bool give_up_root(struct protect *p, char error[PROTECT_ERROR_BYTES])
{
    /* net_af_xdp takes its XDP program off the interface when the port is closed. */
    uint64_t device = (p->kinds & DEVICE_BIT(DEVICE_AF_XDP)) != 0 ? BIT(CAP_NET_ADMIN) : 0;

    if (!become(p, BIT(CAP_DAC_READ_SEARCH) | device, error))
        return false;
    p->keeps = caps_of_readers(p) | device;
    if (caps_apply(p->keeps) != 0)
        return FAIL(error, "capabilities cannot be given up: %s", strerror(errno));
    return true;
}

bool protect_drop(struct protect *p, unsigned kinds, char error[PROTECT_ERROR_BYTES])
{
    p->kinds = kinds;
    if (p->drops && !give_up_root(p, error))
        return false;
    if (!sandbox_process(p->config->sandbox, error))
        return false;
    if (geteuid() == 0)
        log_line(CONFIG_LOG_INFO, "goes on as root%s",
                 p->config->sandbox == CONFIG_SANDBOX_ON ? ", with the system calls it needs" : "");
    return true;
}

void protect_finish(struct protect *p)
{
    uint64_t keeps = p->keeps & ~BIT(CAP_DAC_READ_SEARCH);

    if (p->drops && p->keeps != keeps && caps_apply(keeps) == 0)
        p->keeps = keeps;
}

void protect_end(struct protect *p)
{
    janitor_end(&p->janitor);
}
