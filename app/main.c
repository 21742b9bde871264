/* SPDX-License-Identifier: BSD-3-Clause */
/* hugewire: finds out which command is meant and hands over. */
#include <stdio.h>

#include "app/check.h"
#include "app/control.h"
#include "app/doctor.h"
#include "app/options.h"
#include "app/pool_print.h"
#include "app/serve.h"
#include "app/status.h"
#include "app/top.h"
#include "app/verify.h"

int main(int argc, char **argv)
{
    int code;
    static struct options options; /* holds paths: too large for a stack */

    options_read(&options, argc, argv, stderr);
    switch (options.command) {
    case OPTIONS_SERVE:
        code = serve_run(&options.config);
        config_release(&options.config);
        return code;
    case OPTIONS_CHECK:
        return check_run(options.file, stdout, stderr);
    case OPTIONS_DOCTOR:
        return doctor_run("", options.root, stdout);
    case OPTIONS_POOL:
        return pool_print(options.pid, options.json, stdout, stderr);
    case OPTIONS_VERIFY:
        return verify_run(&(struct verify_options){ .pid = options.pid,
                                                    .pattern = options.pattern,
                                                    .disk = options.disk,
                                                    .json = options.json },
                          stdout, stderr);
    case OPTIONS_RELOAD:
        return control_reload(options.pid, stdout, stderr);
    case OPTIONS_STATUS:
        return status_run(options.pid, options.json, stdout, stderr);
    case OPTIONS_TOP:
        return top_run(options.pid, stdout, stderr);
    case OPTIONS_REOPEN:
        return control_reopen(options.pid, stderr);
    case OPTIONS_HELP:
    case OPTIONS_VERSION:
        return fputs(options.text, stdout) < 0 || fflush(stdout) != 0;
    case OPTIONS_BAD:
        return 2;
    }
    return 2;
}
