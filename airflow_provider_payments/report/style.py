"""How the page looks: on light and dark screens, on narrow ones, and on paper."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1b2430; --soft: #5b6675; --line: #dde2e9; --link: #1f5fbf;
  --succeeded: #2f8f6b; --pending: #e0a11b; --other: #9aa5b4; --unknown: #c2417f; --refunded: #d0694b;
  --good: #e3f4ec; --good-ink: #17573f; --bad: #fde7e4; --bad-ink: #8c1d10; --note: #eceff4;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #12161c; --card: #1b2129; --ink: #e6eaf0; --soft: #9aa6b5; --line: #303a46; --link: #8ab8ff;
    --succeeded: #4cb88e; --pending: #e8b64c; --other: #6f7d8f; --unknown: #e070a8; --refunded: #e08a70;
    --good: #173a2d; --good-ink: #a9e5cb; --bad: #4a1d18; --bad-ink: #ffc3b9; --note: #262e38;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 2rem 1rem 4rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1060px; margin: auto; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .2rem; }
h2 { font-size: 1.25rem; margin: 0; overflow-wrap: anywhere; }
h3 { font-size: .95rem; margin: 1.6rem 0 .4rem; }
p { margin: .4rem 0; }
a { color: var(--link); }
.soft, figcaption { color: var(--soft); }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.2rem 1.4rem 1.4rem;
  margin: 1.2rem 0;
}
.say { border-radius: 8px; padding: .6rem .9rem; margin: 1rem 0; background: var(--note); overflow-wrap: anywhere; }
.say.good { background: var(--good); color: var(--good-ink); }
.say.bad { background: var(--bad); color: var(--bad-ink); }
.say ul { margin: .3rem 0; padding-left: 1.2rem; }
.say > :first-child { margin-top: 0; } .say > :last-child { margin-bottom: 0; }
.columns { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 400px), 1fr)); gap: 0 2.4rem; }
.columns > * { min-width: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td {
  text-align: left; vertical-align: baseline; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line);
}
th { font-weight: 600; font-size: .85rem; color: var(--soft); }
th:last-child, td:last-child { padding-right: 0; }
td { overflow-wrap: break-word; }
td:first-child { overflow-wrap: anywhere; min-width: 6rem; } td:first-child:has(a) { min-width: 12rem; }
.n { text-align: right; white-space: nowrap; overflow-wrap: normal; }
th.n { white-space: normal; }
.money { white-space: normal; } .money data { white-space: nowrap; }
figure > strong { overflow-wrap: anywhere; }
.scroll > .chart { min-width: 640px; }
tfoot td { font-weight: 600; border-bottom: 0; }
.share { display: inline-block; width: 90px; height: 9px; vertical-align: baseline; background: var(--note); }
.tag { border-radius: 5px; padding: .05rem .45rem; background: var(--note); white-space: nowrap; font-size: .85rem; }
.tag.good { background: var(--good); color: var(--good-ink); }
.tag.bad { background: var(--bad); color: var(--bad-ink); }
figure { margin: 1rem 0 0; }
figcaption { font-size: .85rem; }
.chart { display: block; width: 100%; height: auto; }
.chart text { font-size: 11px; fill: var(--soft); }
.grid { stroke: var(--line); } .zero { stroke: var(--soft); }
.succeeded { fill: var(--succeeded); } .pending { fill: var(--pending); } .other { fill: var(--other); }
.unknown { fill: var(--unknown); } .refunded { fill: var(--refunded); }
.key { display: inline-block; width: 10px; height: 10px; margin: 0 .3rem 0 .9rem; vertical-align: baseline; }
.key:first-child { margin-left: 0; }
details { margin: .4rem 0; } summary { cursor: pointer; color: var(--link); font-size: .9rem; }
@media print {
  :root { color-scheme: light; --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --note: #eee; }
  html, body { font-size: 11px; }
  body { padding: 0; } .card { border: 0; padding: 0; } details { display: none; }
  h2, h3 { break-after: avoid; } figure, tr { break-inside: avoid; } .scroll { overflow: visible; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
