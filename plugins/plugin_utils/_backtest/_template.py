# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page, as a template of Jinja. Whatever is put in is escaped, but for the style and the script of the page."""

from __future__ import annotations

TEMPLATE = """\
{% macro swatch(style) %}<span class="swatch {{ style }}"></span>{% endmacro %}

{% macro svg(id, view_box, title, text, unit=1) %}
<svg viewBox="{{ view_box }}" preserveAspectRatio="none" data-unit="{{ unit }}"
 role="img" aria-labelledby="{{ id }}-title {{ id }}-text">
<title id="{{ id }}-title">{{ title }}</title><desc id="{{ id }}-text">{{ text }}</desc>
<g transform="scale(1 -1)">
{{ caller() }}
</g>
</svg>
{% endmacro %}

{% macro drawn(id, plot, time) %}
<div class="row plot {{ plot.style }}">
<div class="gutter" aria-hidden="true"><span class="what">{{ plot.title }}</span>
{% for label in plot.axis.labels %}
<span class="tick" style="top:{{ label.percent|round(2) }}%">{{ label.text }}</span>
{% endfor %}
</div>
{% call svg(id ~ "-" ~ plot.style, view_box(plot.axis, time), plot.title, plot.text, plot.axis.unit) %}
<path class="grid" d="{{ grid(plot.axis, time) }}"/><path class="hours" d="{{ time_grid(plot.axis, time) }}"/>
{% for line in plot.lines %}
<path class="{{ line.style }}" data-place="{{ line.place }}" d="{{ line.path }}"/>
{% endfor %}
{% endcall %}
</div>
{% endmacro %}

{% macro times(time) %}
<div class="row axis" aria-hidden="true"><div></div><div class="labels">
{% for label in time.labels %}
<span style="left:{{ label.percent|round(3) }}%">{{ label.text }}</span>
{% endfor %}
</div></div>
{% endmacro %}

<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{{ script_hash }}'">
<title>{{ title }}</title>
<style>{{ style|safe }}</style>
</head>
<body>
<header>
<h1>{{ title }}</h1>
<p class="soft">{{ traffic }}</p>
</header>
<main>
<p class="lead">{{ summary }}</p>
<ul class="text">
{% for sentence in sentences %}
<li>{{ sentence }}</li>
{% endfor %}
</ul>

<h2 id="figures-head">Figures</h2>
<div class="wide">
<table id="figures" aria-labelledby="figures-head">
<thead><tr>
{% for column in columns %}
<th scope="col" title="{{ column.meaning }}">{{ column.head[0] }}<br>{{ column.head[1] }}</th>
{% endfor %}
</tr></thead>
{% for group in (contenders[:1], contenders[1:]) %}
<tbody{% if not loop.first %} class="contenders"{% endif %}>
{% for one in group %}
<tr class="{{ one.style }}">
{% for column in columns %}
{% set value = column.value(one.figures) %}
{% if loop.first %}
<th scope="row" data-value="{{ value }}">{{ swatch(one.style) }}{{ one.name }}
{% if one.place == 0 %}
<span class="aside">(unreachable)</span>
{% endif %}
</th>
{% else %}
<td data-value="{{ "" if value is none else value }}">{{ column.text(one.figures) }}</td>
{% endif %}
{% endfor %}
</tr>
{% endfor %}
</tbody>
{% endfor %}
</table>
</div>
<p class="soft">The optimum knows what will arrive, so nobody can reach it. Regret is the cost beyond that of the
optimum.</p>

<h2 id="course-head">What they did</h2>
{% set ticks = overview.time.ticks %}
<figure id="course" class="{{ "near" if ticks <= near }}" aria-labelledby="course-head"
 data-start="{{ replay.start }}" data-interval="{{ replay.interval }}" data-ticks="{{ ticks }}"
 data-dated="{{ dated|int }}" data-near="{{ near }}" data-edge="{{ edge }}" data-steps="{{ steps|join(" ") }}">
<ul class="legend">
{% for one in contenders %}
<li class="{{ one.style }}" data-place="{{ one.place }}">
<label><input type="checkbox" checked hidden> {{ swatch(one.style) }}{{ one.name }}</label>
</li>
{% endfor %}
</ul>
<div class="controls" role="group" aria-label="What is shown" hidden>
<button type="button" data-action="show" data-begin="0" data-end="{{ ticks }}">Whole time</button>
<button type="button" data-action="zoom" data-by="0.5" aria-label="Zoom in">+</button>
<button type="button" data-action="zoom" data-by="2" aria-label="Zoom out">&minus;</button>
{% if days %}
<button type="button" data-action="day" data-by="-1">&lsaquo; Day</button>
<button type="button" data-action="day" data-by="1">Day &rsaquo;</button>
{% for one, window in days %}
<button type="button" data-action="show" data-begin="{{ window.begin }}" data-end="{{ window.end }}">
Worst day of {{ one.name }}
</button>
{% endfor %}
{% endif %}
</div>
<div class="plots">
{% for plot in overview.plots %}
{{ drawn("course", plot, overview.time) }}
{% endfor %}
{% if overview.strips %}
<p class="strips-title">p99 over the SLO of {{ slo }}:
<span class="swatch key"></span>over<span class="swatch key far"></span>more than twice as long</p>
{% for strip in overview.strips %}
{% set id = "strip-%s"|format(strip.contender.place) %}
<div class="row strip" data-place="{{ strip.contender.place }}">
<div class="gutter" aria-hidden="true"><span>{{ strip.contender.name }}</span><span>{{ strip.share }}</span></div>
{% set text = "p99 over the SLO for %s of the time"|format(strip.share) %}
{% call svg(id, "0 -1 %s 1"|format(ticks), strip.contender.name, text) %}
{% for line in strip.marks %}
<path class="{{ line.style }}" d="{{ line.path }}"/>
{% endfor %}
{% endcall %}
</div>
{% endfor %}
{% endif %}
{{ times(overview.time) }}
<div class="over-plots" tabindex="0" role="group" hidden
 aria-label="Crosshair: arrow keys move it, Escape shows the whole time">
<div class="crosshair" hidden></div><div class="selection" hidden></div><div class="tip" role="status" hidden></div>
</div>
</div>
<figcaption><span class="range">{{ when }}</span>. Booting instances count.
{% if ticks > near %}
<span class="of-means">Strong lines are means of {{ piece }}, pale ones show each change; the higher a mark below, the
longer the SLO was broken in that time. Zoom in for more.</span>
{% endif %}
</figcaption>
</figure>

<h2 id="cost-head">What it cost</h2>
<figure aria-labelledby="cost-head">
<p class="soft">Cost in instances, on average: those that ran, and
<span class="swatch key"></span>broken SLOs, priced in. The dashed line is the optimum.</p>
<div class="bars">
{% for one, bar in bars %}
<div class="bar">
<div>{{ swatch(one.style) }}{{ one.name }}</div>
{% call svg("cost-%s"|format(one.place), "0 -1 %s 1"|format(bar_width), one.name, bar.text) %}
<path class="{{ one.style }}" d="{{ bar.instances }}"/><path class="priced" d="{{ bar.priced }}"/>
<path class="least" d="{{ bar.least }}"/>
{% endcall %}
<div>{{ bar.text }}</div>
</div>
{% endfor %}
</div>
</figure>

{% if closeup %}
<h2 id="closeup-head">A closer look: the worst hour of {{ worst.name }}</h2>
<figure id="closeup" class="near" aria-labelledby="closeup-head">
<ul class="legend">
{% for one in closeup_shown %}
<li class="{{ one.style }}">{{ swatch(one.style) }}{{ one.name }}</li>
{% endfor %}
</ul>
<div class="plots">
{% for plot in closeup.plots %}
{{ drawn("closeup", plot, closeup.time) }}
{% endfor %}
{{ times(closeup.time) }}
</div>
<figcaption>{{ closeup_when }}: no contender was over the SLO for a larger share of the time than {{ worst.name }}. The
dashed line is the SLO.</figcaption>
</figure>
{% endif %}

<section class="text">
<h2>How to read this</h2>
<ul>
<li>All contenders got the same traffic, each with a service of its own that was simulated, and decided as in
production: by their policy, within the guards.</li>
<li>Cost is the mean number of instances, booting ones included, and the price of broken SLOs on top, in instances too.
The cheaper of two may still be the one that breaks the SLO more often: look at both.</li>
<li>The optimum was found afterwards, with all arrivals known. It breaks an SLO where that is cheaper than to prevent
it.</li>
<li>Time is over the SLO while the p99 of a tick is.</li>
<li>A few percent on one stretch of traffic may be chance. Try another one before you believe them.</li>
</ul>

<h2>What this is not</h2>
<ul>
<li>Not a measurement. The service is a queueing model with the settings below. A real one has caches, slow starts,
other services that it waits for, and messages of many kinds. Trust the order, and the size of large differences; do
not trust milliseconds.</li>
<li>Not a forecast. It is about the traffic that was; the next weeks bring another.</li>
<li>Not the last word: let the agent recommend beside what you have before it scales, see <code>autoscale_mode</code> in
the documentation of the collection <code>rlops.autoscale</code> (docs/deciding.md).</li>
</ul>

{% if notes %}
<h2>Notes</h2>
<ul>
{% for text in notes %}
<li>{{ text }}</li>
{% endfor %}
</ul>
{% endif %}

{% if assumed %}
<h2>Assumed settings</h2>
<dl class="settings">
{% for option, value in assumed %}
<dt><code>{{ option }}</code></dt><dd>{{ value }}</dd>
{% endfor %}
</dl>
{% endif %}

{% if reasons %}
<h2>Why: the last decision of each</h2>
<dl>
{% for one, texts in reasons %}
<dt>{{ swatch(one.style) }}{{ one.name }}</dt>
{% for text in texts %}
<dd>{{ text }}</dd>
{% endfor %}
{% endfor %}
</dl>
{% endif %}
</section>
</main>
<footer class="soft">Made by the Ansible collection rlops.autoscale, from a simulation.</footer>
<script>{{ script|safe }}</script>
</body>
</html>
"""
