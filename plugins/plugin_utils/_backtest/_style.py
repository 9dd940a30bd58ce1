# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the page looks.

Colours are those of Okabe and Ito, which people with any kind of colour vision can tell apart, darker on white and
lighter on black where text and thin lines need it.
"""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #fff; --ink: #1c2128; --soft: #59636e; --rule: #d8dee4; --panel: #f6f8fa; --link: #0b5cad;
  --rate: #c9d4df; --optimum: #8a949e; --best: #0060b0; --over: #cf4116; --far: #7a1400;
  --hue-1: #00916a; --hue-2: #b3589a; --hue-3: #c97f00; --hue-4: #2b93c9; --hue-5: #8a7f00;
  --gutter: 8.5rem;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161b; --ink: #e6eaee; --soft: #9aa5b1; --rule: #2d353e; --panel: #1a2027; --link: #6cb6ff;
    --rate: #35414d; --optimum: #848f9a; --best: #58b4ff; --over: #ff7043; --far: #ffd2bf;
    --hue-1: #2bb98f; --hue-2: #d48abd; --hue-3: #e69f00; --hue-4: #7fd0f5; --hue-5: #d9cf4a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 76rem; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
}
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 2.75rem 0 .5rem; font-size: 1.15rem; }
p, ul, dl { margin: .5rem 0; }
.soft, figcaption, .gutter, .axis { color: var(--soft); }
.soft, figcaption { font-size: .9rem; }
.lead { margin: 1.25rem 0 .75rem; font-size: 1.35rem; line-height: 1.4; max-width: 54rem; text-wrap: pretty; }
.text { max-width: 48rem; }
.text li { margin: .3rem 0; }

.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .8rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--rule); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
thead th { color: var(--soft); font-size: .85rem; font-weight: 500; vertical-align: bottom; line-height: 1.3; }
tbody th { font-weight: 400; }
tr.best > * { font-weight: 650; }
tr.optimum > * { color: var(--soft); }
th button { all: unset; cursor: pointer; }
th button:hover { color: var(--ink); }
th[aria-sort] button::after { content: " \\2191"; }
th[aria-sort=descending] button::after { content: " \\2193"; }

.swatch { display: inline-block; width: .85em; height: .85em; margin-right: .5em; border-radius: 2px;
  vertical-align: -.05em; background: var(--colour); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.optimum { --colour: var(--optimum); } .best { --colour: var(--best); }
.hue-1 { --colour: var(--hue-1); } .hue-2 { --colour: var(--hue-2); } .hue-3 { --colour: var(--hue-3); }
.hue-4 { --colour: var(--hue-4); } .hue-5 { --colour: var(--hue-5); }

figure { margin: .75rem 0 0; }
.legend, .controls { display: flex; flex-wrap: wrap; gap: .35rem 1.1rem; padding: 0; margin: .5rem 0; }
.legend { list-style: none; }
.legend label { cursor: pointer; }
.controls { gap: .4rem; }
[hidden] { display: none !important; }
.controls button {
  font: inherit; font-size: .875rem; color: var(--ink); background: var(--panel); border: 1px solid var(--rule);
  border-radius: 6px; padding: .25rem .65rem; cursor: pointer;
}
.controls button:hover { border-color: var(--soft); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }

.plots { position: relative; }
.row { display: grid; grid-template-columns: var(--gutter) minmax(0, 1fr); }
.row svg { display: block; width: 100%; pointer-events: none; }
.plot { margin-top: 1rem; }
.rate svg { height: 6rem; } .counts svg { height: 15rem; } .p99 svg { height: 8rem; }
.gutter { position: relative; font-size: .8rem; line-height: 1.2; }
.gutter .tick { position: absolute; right: .5rem; transform: translateY(-50%); font-variant-numeric: tabular-nums; }
.gutter .what { position: absolute; left: 0; top: -.2rem; width: 5rem; }
svg path { fill: none; stroke: var(--colour); stroke-width: 1.25px; vector-effect: non-scaling-stroke; }
svg .grid, svg .hours { stroke: var(--rule); stroke-width: 1px; }
svg .rate { fill: var(--rate); stroke: none; }
svg .slo { stroke: var(--over); stroke-dasharray: 5 4; }
svg .optimum { stroke-width: 1px; }
svg .best { stroke-width: 2px; }
figure:not(.near) .counts .exact { stroke-width: 1px; opacity: .25; }
figure:not(.near) .counts .mean { stroke-width: 1.75px; }
figure:not(.near) .counts .mean.best { stroke-width: 2.5px; }
figure.near .mean, figure.near .of-means, figure:not(.near) .strip .exact { display: none; }
.strip { margin-top: 3px; align-items: center; }
.strip svg { height: 1.1rem; background: var(--panel); }
.strip .gutter { display: flex; gap: .4rem; justify-content: space-between; padding-right: .5rem; }
.strip .gutter span:first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.strips-title { margin: .9rem 0 .2rem; font-size: .8rem; color: var(--soft); }
svg .over { fill: var(--over); stroke: var(--over); stroke-width: 1px; }
svg .far { fill: var(--far); stroke: var(--far); stroke-width: 1px; }
.strip .mean { stroke: none; }
.key { --colour: var(--over); margin: 0 .3em 0 .6em; }
.key.far { --colour: var(--far); }
.axis { height: 1.6rem; font-size: .8rem; }
.axis .labels { position: relative; }
.axis span { position: absolute; top: .3rem; transform: translateX(-50%); white-space: nowrap; }

.over-plots { position: absolute; inset: 0 0 0 var(--gutter); touch-action: pan-y; cursor: crosshair; }
.crosshair { position: absolute; top: 0; bottom: 1.6rem; border-left: 1px solid var(--ink); pointer-events: none; }
.selection { position: absolute; top: 0; bottom: 1.6rem; background: var(--link); opacity: .18; pointer-events: none; }
.tip {
  position: absolute; top: .4rem; padding: .45rem .65rem; font-size: .8rem; line-height: 1.45; pointer-events: none;
  white-space: nowrap; background: var(--page); border: 1px solid var(--soft); border-radius: 6px;
  box-shadow: 0 3px 10px #0003; font-variant-numeric: tabular-nums;
}
.tip .bad { color: var(--over); font-weight: 600; }

.bar { display: grid; grid-template-columns: var(--gutter) minmax(4rem, 1fr) 17rem; gap: .9rem; margin: .45rem 0;
  align-items: center; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.bars svg { display: block; width: 100%; height: 1.35rem; }
.bars path { stroke: none; fill: var(--colour); }
.bars .priced { fill: var(--over); stroke: var(--page); stroke-width: 1.5px; }
.bars .least { stroke: var(--ink); stroke-width: 1.5px; stroke-dasharray: 3 3; }
dl.settings { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.25rem; }
dl.settings dd { margin: 0; overflow-wrap: anywhere; }
code { font-size: .92em; }
footer { margin-top: 3rem; padding-top: .75rem; border-top: 1px solid var(--rule); }

@media (max-width: 44rem) {
  :root { --gutter: 4.75rem; }
  .lead { font-size: 1.15rem; }
  th, td { padding: .4rem .5rem; }
  table .aside { display: none; }
  .gutter .what { top: -1rem; width: auto; white-space: nowrap; }
  .plot { margin-top: 1.5rem; }
  .strip .gutter span:last-child { display: none; }
  .axis .labels span:nth-child(even) { display: none; }
  .bar { grid-template-columns: minmax(0, 1fr); gap: .1rem; margin: .8rem 0; }
}
@media print {
  :root {
    --page: #fff; --ink: #000; --soft: #444; --rule: #ccc; --panel: #f6f6f6; --rate: #ccd5de; --optimum: #888;
    --best: #0060b0; --over: #cf4116; --far: #7a1400;
    --hue-1: #00916a; --hue-2: #b3589a; --hue-3: #c97f00; --hue-4: #2b93c9; --hue-5: #8a7f00;
  }
  body { padding: 0; font-size: 9.5pt; }
  th, td { padding: .3rem .45rem; }
  .controls, .legend input { display: none; }
  figure, table { break-inside: avoid; }
  h2 { break-after: avoid; }
}
"""
