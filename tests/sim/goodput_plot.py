#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes docs/goodput.svg and the tables of docs/GOODPUT.md from what `sim_run --matrix` printed.

    build/tests/sim/sim_run --matrix > tests/sim/goodput.csv
    tests/sim/goodput_plot.py tests/sim/goodput.csv docs/goodput.svg > tables.md

Needs gnuplot. The tables go to standard output.
"""
import csv
import subprocess
import sys

CONTROLLERS = ("cubic", "bbr", "newreno")
COLOURS = {"cubic": "#1f77b4", "bbr": "#d62728", "newreno": "#2ca02c"}


def rate_name(mbps):
    return f"{mbps:g} Mb/s" if mbps < 1000 else f"{mbps / 1000:g} Gb/s"


def read(path):
    with open(path, newline="", encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    cells = {}
    for row in rows:
        key = (row["controller"], float(row["rate_mbps"]), float(row["rtt_ms"]),
               float(row["loss_percent"]))
        cells[key] = (float(row["goodput_mbps"]), float(row["bound_mbps"]))
    return cells


def axis(cells, index):
    return sorted({key[index] for key in cells})


def panel(cells, rate, loss):
    """One panel: share of the line over the round trip, measured (lines) and bound (dashes)."""
    data, curves = [], []
    for controller in CONTROLLERS:
        for column, style in ((0, "lines lw 1.6"), (1, "lines lw 0.7 dt 3")):
            points = [f"{rtt} {100 * cells[controller, rate, rtt, loss][column] / rate}"
                      for rtt in axis(cells, 2) if (controller, rate, rtt, loss) in cells]
            if not points:
                continue
            curves.append(f"'-' with {style} lc rgb '{COLOURS[controller]}' notitle")
            data.append("\n".join(points) + "\ne\n")
    if not curves:
        return "set multiplot next\n"
    return (f"set title '{rate_name(rate)}, {loss:g}% loss'\n"
            f"plot {', '.join(curves)}\n" + "".join(data))


def plot(cells, path):
    rates, losses = axis(cells, 1), axis(cells, 3)
    script = [f"set terminal svg size 1200,900 font 'sans,9'\nset output '{path}'\n",
              "set logscale xy\nset xrange [0.08:250]\nset yrange [0.003:130]\n",
              "set xtics ('0.1' 0.1, '1' 1, '10' 10, '100' 100)\n",
              "set ytics ('0.01' 0.01, '0.1' 0.1, '1' 1, '10' 10, '100%%' 100)\nset grid\n",
              f"set multiplot layout {len(rates)},{len(losses)} title 'Goodput in percent of the "
              "line over round trip (ms): CUBIC blue, BBR red, NewReno green; dotted: bound'\n"]
    script += [panel(cells, rate, loss) for rate in rates for loss in losses]
    script.append("unset multiplot\n")
    subprocess.run(["gnuplot"], input="".join(script), text=True, check=True)


def cell_text(cell):
    if cell is None:
        return " not run |"
    got, bound = cell
    return f" {got:.4g} of {bound:.4g} ({100 * got / bound:.0f}%) |"


def tables(cells):
    losses = axis(cells, 3)
    for controller in CONTROLLERS:
        for rate in axis(cells, 1):
            print(f"\n### {controller}, {rate_name(rate)}\n")
            print("| RTT |" + "".join(f" {loss:g}% |" for loss in losses))
            print("|---|" + "---|" * len(losses))
            for rtt in axis(cells, 2):
                row = [cells.get((controller, rate, rtt, loss)) for loss in losses]
                print(f"| {rtt:g} ms |" + "".join(cell_text(cell) for cell in row))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    cells = read(sys.argv[1])
    plot(cells, sys.argv[2])
    tables(cells)


main()
