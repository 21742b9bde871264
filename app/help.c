/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/help.h"

const char help_all[] =
    "hugewire serves files over HTTP from pinned hugepages, through a NIC that it drives itself.\n"
    "\n"
    "  hugewire serve [options] ROOT   serve the files below ROOT\n"
    "  hugewire check -c FILE          validate a configuration and print the effective one\n"
    "  hugewire doctor [ROOT]          tell what this machine has, lacks, and how to mend it\n"
    "  hugewire status [--json]        tell what a running server counts\n"
    "  hugewire top                    the same each second, as rates\n"
    "  hugewire pool [--json]          show the pool of the running server\n"
    "  hugewire verify [--disk]        check the bytes in the pool of the running server\n"
    "  hugewire reload                 look through ROOT now, for files that changed\n"
    "  hugewire reopen [--pid N]       have a running server open its access log anew\n"
    "  hugewire --version\n"
    "\n"
    "Each command explains itself: hugewire serve --help\n";

const char help_serve[] =
    "usage: hugewire serve [options] [ROOT]\n"
    "\n"
    "Reads the files below ROOT into hugepages and serves them until SIGINT or SIGTERM.\n"
    "SIGUSR1 prints the counters, SIGUSR2 opens the access log anew. Without ROOT the file given\n"
    "with --config names it (server.root).\n"
    "\n"
    "  --device SPEC         tap:NAME (default tap:hw0), af_packet:IF, af_xdp:IF,\n"
    "                        pci:BDF, or vdev:DEVARGS (raw DPDK). A second one begins a second\n"
    "                        port: address, gateway, slaac, vlan and mtu that follow are its own\n"
    "  --address CIDR        the server's address there, IPv4 or IPv6; may be repeated\n"
    "                        (default 10.71.0.2/24)\n"
    "  --gateway IP          next hop for other nets, one for each family (default none;\n"
    "                        IPv6: as routers advertise)\n"
    "  --slaac               IPv6 addresses of the prefixes that routers advertise, too\n"
    "  --vlan ID             802.1Q tag of all frames, 1 to 4094 (default none)\n"
    "  --port N              TCP port (default 80)\n"
    "  --cores LIST          cores of the workers, such as 1,3-5 (default: one core)\n"
    "  --pool SIZE           hugepages for files, such as 2G (default: what ROOT needs)\n"
    "  --persist FILE        keep the pool in this file of a hugetlbfs, for a warm restart\n"
    "                        (default none)\n"
    "  --mtu N               of the IP packet (default 1500)\n"
    "  --allow-small-pages   go on with locked 4 KiB pages where hugepages are missing\n"
    "  --unsafe-no-iommu     take a pci: device whose DMA no IOMMU confines\n"
    "  --user NAME           who root becomes once it serves (default nobody; root stays root)\n"
    "  --sandbox WORD        on (default), log or off: only the system calls it needs\n"
    "  --drain-seconds N     how long transfers may go on after SIGTERM (default 30)\n"
    "  --log-level LEVEL     error, warning, info (default) or debug\n"
    "  --access-log FILE     a line for each request; - is stdout (default: none)\n"
    "  -c, --config FILE     YAML with these settings and more; flags override it\n"
    "  -h, --help            this\n"
    "  -V, --version         the version\n"
    "\n"
    "All settings: docs/CONFIGURATION.md. What this machine lacks: hugewire doctor\n";

const char help_check[] =
    "usage: hugewire check -c FILE\n"
    "\n"
    "Prints the effective configuration as YAML and exits with 0, or prints each mistake with\n"
    "its line and exits with 2.\n";

const char help_doctor[] =
    "usage: hugewire doctor [ROOT]\n"
    "\n"
    "Looks at hugepages, locked memory, io_uring, /dev/net/tun, IOMMU and VFIO, NICs, NUMA nodes\n"
    "and cores, and at ROOT if it is given; names the command that mends what is missing. Exits\n"
    "with 0 if hugewire serve would work on a TAP device, else with 1.\n";

const char help_pool[] =
    "usage: hugewire pool [--json] [--pid N]\n"
    "\n"
    "Prints what the pool of the running server is: pages, what is pinned, device addresses, "
    "used,\n"
    "free and retired memory, files, versions, references. --pid is needed where several servers\n"
    "run.\n";

const char help_verify[] =
    "usage: hugewire verify [--disk] [--json] [--pid N] [PATH]\n"
    "\n"
    "Has the running server sum and hash the files in its pool again and compare them with what "
    "was\n"
    "read; with --disk, also with the files on disk. PATH: a file, all below a directory, or a\n"
    "pattern such as '*.html'. What is damaged is read again. Exits with 0 if all is well, 1 if\n"
    "something was damaged or differs, 2 if it could not be found out.\n";

const char help_reload[] =
    "usage: hugewire reload [--pid N]\n"
    "\n"
    "Looks through ROOT now, as SIGHUP does, and returns when what was added, changed or removed\n"
    "is served. Without it changes are followed, too, as far as the kernel tells of them; on a\n"
    "network file system it does not (see pool.rescan). --pid is needed where several servers\n"
    "run.\n";

const char help_status[] = "usage: hugewire status [--json] [--pid N]\n"
                           "\n"
                           "Connections, requests and bytes of a running server, with rates of the "
                           "next second; --json: all\n"
                           "counters, at once. --pid is needed where several servers run.\n";

const char help_top[] = "usage: hugewire top [--pid N]\n"
                        "\n"
                        "Requests, connections, bytes, what was sent again and the pool, anew each "
                        "second, until ctrl-C.\n"
                        "--pid is needed where several servers run.\n";

const char help_reopen[] = "usage: hugewire reopen [--pid N]\n"
                           "\n"
                           "After the access log was renamed: the server closes it and opens its "
                           "path anew, as on SIGUSR2.\n"
                           "No line is lost. --pid is needed where several servers run.\n";

const char help_version[] = "hugewire " HW_VERSION "\n";
