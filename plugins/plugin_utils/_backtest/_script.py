# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the page can do where scripts may run: zoom, a crosshair, lines that come and go, a table that sorts.

All that it shows it reads from the page itself: values from the paths, which are in ticks and units, names from the
legend. Nothing from outside is ever put into it.
"""

from __future__ import annotations

SCRIPT = r"""
"use strict";
(() => {
  const root = document.getElementById("course");
  const {start, interval, ticks, dated, near, edge} =
    Object.fromEntries(Object.entries(root.dataset).map(([key, value]) => [key, Number(value)]));
  const steps = root.dataset.steps.split(" ").map(Number);
  const day = 86400;
  const over = root.querySelector(".over-plots");
  const [crosshair, selection, tip] = over.children;
  const range = root.querySelector(".range");
  const labels = root.querySelector(".axis .labels");
  const svgs = [...root.querySelectorAll(".row svg")];
  const make = (tag, text, style = "") =>
    Object.assign(document.createElement(tag), {textContent: text, className: style});

  // Values and when they begin, as in "M0 3h5v1h4".
  const series = (path) => {
    const d = path.getAttribute("d");
    const at = [], values = [];
    let x = 0, y = Number(/^M0 (\d+)/.exec(d)[1]);
    for (const [, way, by] of d.matchAll(/([hv])(-?\d+)/g)) {
      if (way === "v") { y += Number(by); continue; }
      at.push(x);
      values.push(y);
      x += Number(by);
    }
    return {at, values, unit: Number(path.closest("svg").dataset.unit)};
  };
  // The lowest and the highest value from one time to another.
  const extremes = ({at, values, unit}, begin, end) => {
    let low = 0, high = at.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (at[middle] <= begin) low = middle; else high = middle;
    }
    let least = values[low], most = least;
    while (++low < at.length && at[low] < end) {
      least = Math.min(least, values[low]);
      most = Math.max(most, values[low]);
    }
    return [least * unit, most * unit];
  };
  // From when to when, as in "m5 0h3v1h-3zm9 0h1v1h-1z".
  const spans = (path) => {
    let begin = 0;
    return [...path.getAttribute("d").matchAll(/m(\d+) 0h(\d+)/g)].map(([, gap, length]) => {
      begin += Number(gap);
      return [begin, begin + Number(length)];
    });
  };
  const digits = (value) => String(value < 999.5 ? Number(value.toPrecision(3)) : Math.round(value));
  const between = ([least, most]) => {
    const texts = [...new Set([digits(least), digits(most)])];
    return texts.join(" to ");
  };

  const rate = series(root.querySelector("path.rate"));
  const everyone = [...root.querySelectorAll(".legend li")].map((item) => {
    const {place} = item.dataset;
    const strip = root.querySelector(`.strip[data-place="${place}"]`);
    const line = root.querySelector(`.counts .exact[data-place="${place}"]`);
    return {
      name: item.textContent.trim(), style: item.className, box: item.querySelector("input"),
      drawn: root.querySelectorAll(`.plots [data-place="${place}"]`),
      counts: series(line), broken: strip ? spans(strip.querySelector(".over.exact")) : [],
    };
  });

  const seconds = (tick) => start + tick * interval;
  const clock = (at, length = 5) => new Date(at * 1000).toISOString().slice(11, 11 + length);
  const date = (at) => dated ? new Date(at * 1000).toISOString().slice(0, 10) : `day ${Math.floor(at / day) + 1}`;
  const moment = (at, length) => `${date(at)}${dated ? " " : ", "}${clock(at, length)}`;
  const label = (at, step) => {
    if (at % day) return clock(at, step < 60 ? 8 : 5);
    return dated ? new Date(at * 1000).toUTCString().slice(0, 11).replace(",", "") : date(at);
  };

  let begin = 0, end = ticks;
  const show = (from, to) => {
    const length = Math.min(ticks, Math.max(40, to - from));
    begin = Math.max(0, Math.min(from, ticks - length));
    end = begin + length;
    const step = steps.find((each) => length * interval / each < 9) ?? steps.at(-1);
    const times = [];
    for (let at = Math.ceil(seconds(begin) / step) * step; at <= seconds(end); at += step) times.push(at);
    labels.replaceChildren(...times.flatMap((at) => {
      const text = make("span", label(at, step));
      const percent = 100 * (at - seconds(begin)) / (length * interval);
      text.style.left = `${percent}%`;
      return edge < percent && percent < 100 - edge ? [text] : [];
    }));
    root.classList.toggle("near", length <= near);
    for (const svg of svgs) {
      const {y, height} = svg.viewBox.baseVal;
      svg.setAttribute("viewBox", `${begin} ${y} ${length} ${height}`);
      svg.querySelector(".hours")?.setAttribute(
        "d", times.map((at) => `M${(at - start) / interval} 0v${height}`).join(""));
    }
    range.textContent = `${moment(seconds(begin), 5)} to ${moment(seconds(end), 5)}${dated ? " UTC" : ""}`;
    point(null);
  };

  let pointed = null;  // 0 to 1 of the width
  const point = (share) => {
    pointed = share;
    crosshair.hidden = tip.hidden = share === null;
    if (share === null) return;
    const pixel = (end - begin) / over.clientWidth;
    const tick = Math.min(end - 1, Math.floor(begin + share * (end - begin)));
    const until = Math.max(tick + 1, tick + pixel);
    crosshair.style.left = `${100 * share}%`;
    const lines = everyone.filter(({box}) => box.checked).map(({name, style, counts, broken}) => {
      const line = make("div", "");
      line.append(make("span", "", `swatch ${style}`), `${name} ${between(extremes(counts, tick, until))}`);
      if (broken.some(([from, to]) => from < until && to > tick)) line.append(make("span", " over SLO", "bad"));
      return line;
    });
    tip.replaceChildren(make("b", moment(seconds(tick), interval % 60 ? 8 : 5) + (dated ? " UTC" : "")),
      make("div", `${between(extremes(rate, tick, until))} messages/s`), ...lines);
    tip.style.left = share < 0.5 ? `calc(${100 * share}% + 12px)` : "";
    tip.style.right = share < 0.5 ? "" : `calc(${100 - 100 * share}% + 12px)`;
  };

  const shareAt = (event) => {
    const box = over.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  };
  let dragged = null;
  over.addEventListener("pointerdown", (event) => {
    dragged = shareAt(event);
    if (event.pointerType === "mouse") over.setPointerCapture(event.pointerId);
  });
  over.addEventListener("pointermove", (event) => {
    const share = shareAt(event);
    point(share);
    selection.hidden = dragged === null;
    if (dragged === null) return;
    selection.style.left = `${100 * Math.min(share, dragged)}%`;
    selection.style.width = `${100 * Math.abs(share - dragged)}%`;
  });
  const release = (event) => {
    const share = shareAt(event), from = dragged;
    dragged = null;
    selection.hidden = true;
    if (event.type === "pointerup" && from !== null && Math.abs(share - from) > 0.01) {
      const at = (part) => Math.round(begin + part * (end - begin));
      show(at(Math.min(share, from)), at(Math.max(share, from)));
    }
  };
  over.addEventListener("pointerup", release);
  over.addEventListener("pointercancel", release);
  over.addEventListener("pointerleave", () => { if (dragged === null) point(null); });
  over.addEventListener("dblclick", () => show(0, ticks));
  over.addEventListener("blur", () => point(null));
  over.addEventListener("keydown", (event) => {
    const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (event.key === "Escape") show(0, ticks);
    if (!by) return;
    event.preventDefault();
    point(Math.max(0, Math.min(1, (pointed ?? 0.5) + by / 200)));
  });

  const actions = {
    show: (button) => show(Number(button.dataset.begin), Number(button.dataset.end)),
    zoom: (button) => {
      const middle = (begin + end) / 2, half = (end - begin) * Number(button.dataset.by) / 2;
      show(Math.round(middle - half), Math.round(middle + half));
    },
    day: (button) => {
      const by = Number(button.dataset.by);
      const tick = (number) => Math.round((number * day - start) / interval);
      const now = Math.floor(seconds(begin) / day);
      const is = begin === Math.max(0, tick(now)) && end === Math.min(ticks, tick(now + 1));
      const last = Math.ceil(seconds(ticks) / day) - 1;
      const to = Math.max(Math.floor(start / day), Math.min(last, is ? now + by : by > 0 ? now : last));
      show(Math.max(0, tick(to)), Math.min(ticks, tick(to + 1)));
    },
  };
  const controls = root.querySelector(".controls");
  controls.hidden = over.hidden = false;
  controls.addEventListener("click", ({target}) => actions[target.dataset.action]?.(target));
  for (const {box, drawn} of everyone) {
    box.hidden = false;
    box.addEventListener("change", () => {
      for (const each of drawn) each.toggleAttribute("hidden", !box.checked);
    });
  }
  show(0, ticks);
})();

for (const [column, head] of [...document.querySelectorAll("#figures thead th")].entries()) {
  const button = document.createElement("button");
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => {
    const descending = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const body = document.querySelector("#figures tbody.contenders");
    const value = (row) => row.children[column].dataset.value;
    const compare = (one, other) => column === 0 ? one.localeCompare(other) : Number(one) - Number(other);
    body.append(...[...body.rows].sort((one, other) => {
      const [a, b] = [value(one), value(other)];
      if (a === "" || b === "") return (a === "") - (b === "");
      return descending ? compare(b, a) : compare(a, b);
    }));
  });
}
"""
