#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# tests/lab/run.sh with every NIC, one after the other, and docs/QUICKSTART-NIC.md followed; igb with
# QEMU 10 of Debian's backports, unpacked beside the guest. Some minutes; the environment is that of run.sh.
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
export LAB=${LAB:-$TOP/build/lab}
failed=0

"$HERE/run.sh" e1000 e1000e vmxnet3 virtio || failed=1
"$HERE/quickstart" || failed=1
why=$("$HERE/qemu10" "$LAB/qemu10" 2>&1)
case $? in
0)
    export QEMU=$LAB/qemu10/qemu
    "$HERE/run.sh" igb || failed=1
    WORKERS=4 "$HERE/run.sh" igb || failed=1
    ;;
77) echo "skip lab_igb: $why" ;;
*)
    echo "not ok lab_igb: $why"
    failed=1
    ;;
esac
exit $failed
