"""The page's style sheet: dark and light by the reader's own setting, and paper."""

STYLE = """
:root{--paper:#fbfaf8;--ink:#24211e;--soft:#716b64;--line:#e5e0d9;--card:#fff;--mark:#a8502c;
--zero:#f3eee7}
@media (prefers-color-scheme:dark){:root{--paper:#161514;--ink:#ebe7e1;--soft:#9d968d;
--line:#302d2a;--card:#1e1c1a;--mark:#e39a72;--zero:#2a2622}}
*{box-sizing:border-box}
html{scroll-behavior:smooth}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 ui-sans-serif,system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1240px;margin:0 auto;padding:3.5rem 1.5rem 4rem}
header{max-width:44rem;margin-bottom:2.25rem}
.mark{margin:0;color:var(--mark);font-weight:600;letter-spacing:.04em}
h1{margin:.25rem 0 .5rem;font-size:clamp(1.9rem,4vw,2.7rem);line-height:1.15;
letter-spacing:-.02em;font-weight:650}
h2{margin:0 0 .4rem;font-size:1.5rem;letter-spacing:-.01em;font-weight:650}
h3{margin:2.25rem 0 .9rem;font-size:1.02rem;font-weight:600}
h3 span{color:var(--soft);font-weight:400;margin-left:.6em}
p{margin:0 0 1rem;max-width:46rem}
.lead{font-size:1.12rem;color:var(--soft)}
figure{margin:0 0 2rem}
figure img{display:block;max-width:100%;height:auto;border:1px solid var(--line);
border-radius:10px;background:#fff}
figcaption{margin-top:.6rem;color:var(--soft);font-size:.92rem;max-width:46rem}
dl{display:flex;flex-wrap:wrap;gap:.7rem 2.4rem;margin:0 0 1.25rem}
dt{color:var(--soft);font-size:.8rem}
dd{margin:0;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
pre{margin:0 0 1.5rem;padding:.85rem 1.1rem;background:var(--card);border:1px solid var(--line);
border-radius:10px;white-space:pre-wrap;overflow-wrap:anywhere;
font:.87rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
nav{display:flex;flex-wrap:wrap;gap:.5rem;margin:0 0 .5rem}
nav a{padding:.3rem .9rem;border:1px solid var(--line);border-radius:99px;background:var(--card);
color:var(--ink);text-decoration:none;font-size:.93rem}
nav a:hover,nav a:focus-visible{border-color:var(--mark);color:var(--mark)}
section{margin-top:3rem;padding-top:2.25rem;border-top:1px solid var(--line)}
table{border-collapse:collapse}
.wide{overflow-x:auto}
.list{font-size:.9rem;font-variant-numeric:tabular-nums}
.list th,.list td{padding:.32rem 1.3rem .32rem 0;text-align:left;border-bottom:1px solid var(--line);
white-space:nowrap}
.list thead th{color:var(--soft);font-weight:400;font-size:.8rem}
.list tbody th{font-weight:600}
.grids{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,34rem),1fr));gap:1.1rem}
.grid{overflow-x:auto;padding:.9rem 1rem 1rem;background:var(--card);border:1px solid var(--line);
border-radius:12px;break-inside:avoid}
.grid table{width:100%}
.grid caption{text-align:left;font-weight:600;padding-bottom:.35rem}
.grid th{font-weight:400;color:var(--soft);font-size:.82rem;font-variant-numeric:tabular-nums}
.grid tbody th{text-align:left;padding-right:.7rem;max-width:8rem;overflow-wrap:anywhere;
color:var(--ink)}
.grid td{padding:2px;text-align:center}
.grid .zero{background:var(--zero)}
.grid td img{display:block;width:100%;min-width:44px;max-width:var(--side);margin:0 auto;
aspect-ratio:1;border-radius:4px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:1.1rem}
.chart{margin:0;padding:.9rem 1rem 1rem;background:var(--card);border:1px solid var(--line);
border-radius:12px;break-inside:avoid}
.chart h3{margin:0 0 .6rem}
.chart svg{display:block;width:100%;max-width:24rem;height:auto}
.chart rect{fill:var(--mark)}
.chart text{fill:var(--ink);font-size:12.5px;font-variant-numeric:tabular-nums}
.chart .value{fill:var(--soft)}
.matrix{font-size:.84rem;font-variant-numeric:tabular-nums}
.matrix th{font-weight:400;padding:.25rem .5rem;white-space:nowrap}
.matrix thead th{color:var(--soft);font-size:.78rem}
.matrix tbody th{text-align:left;padding-left:0}
.matrix td{padding:.25rem .5rem;text-align:right;border-radius:3px}
.matrix .self{color:var(--soft)}
.s1{background:color-mix(in srgb,var(--mark) 12%,transparent)}
.s2{background:color-mix(in srgb,var(--mark) 24%,transparent)}
.s3{background:color-mix(in srgb,var(--mark) 38%,transparent)}
.s4{background:color-mix(in srgb,var(--mark) 54%,transparent)}
:focus-visible{outline:2px solid var(--mark);outline-offset:2px}
@media (max-width:40rem){main{padding:2rem 1rem 3rem}dl{gap:.6rem 1.5rem}}
footer{margin-top:3.5rem;color:var(--soft);font-size:.87rem}
@media print{:root{--paper:#fff;--ink:#000;--soft:#555;--line:#ccc;--card:#fff;--mark:#000;
--zero:#f2f2f2}main{max-width:none;padding:0}nav{display:none}body{font-size:11pt}
.grids{grid-template-columns:1fr 1fr}.grid{padding:.5rem}h2,h3{break-after:avoid}}
""".strip()
