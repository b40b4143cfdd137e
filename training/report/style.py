"""The report's style sheet."""

STYLE = """
:root { --ink: #0f172a; --soft: #64748b; --line: #e2e8f0; --accent: #4f46e5; --paper: #ffffff; }
* { box-sizing: border-box; }
body { margin: 0; background: #f1f5f9; color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 32px 20px 64px; }
header p { margin: 0; color: var(--soft); overflow-wrap: anywhere; }
h1 { margin: 2px 0 4px; font-size: 30px; letter-spacing: -0.02em; }
h2 { margin: 0 0 4px; font-size: 18px; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 14px;
  padding: 20px 24px; margin-top: 20px; overflow-x: auto; }
section > p { margin: 0 0 14px; color: var(--soft); }
.cards { display: grid; gap: 14px; margin-top: 22px;
  grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: 14px; padding: 16px 20px; }
.card:first-child { background: var(--accent); border-color: var(--accent); color: #fff; }
.card:first-child span, .card:first-child small { color: #e0e7ff; }
.card span, .card small { display: block; color: var(--soft); font-size: 13px; }
.card b { display: block; font-size: 32px; line-height: 1.25; letter-spacing: -0.02em; }
.note { background: #eef2ff; border-radius: 12px; padding: 12px 18px; margin: 20px 0 0; }
.chart { display: block; max-width: 100%; height: auto; margin: 0 auto; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th { text-align: left; font-weight: 600; color: var(--soft);
  border-bottom: 2px solid var(--line); padding: 6px 12px 6px 0; }
td { border-bottom: 1px solid var(--line); padding: 6px 12px 6px 0; overflow-wrap: anywhere;
  vertical-align: top; font-variant-numeric: tabular-nums; }
tr:last-child td { border-bottom: 0; }
.bar { display: inline-block; width: 130px; height: 8px; margin-right: 8px;
  border-radius: 4px; background: #e0e7ff; }
.bar i { display: block; height: 100%; border-radius: 4px; background: var(--accent); }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); gap: 16px; }
figure { margin: 0; border: 1px solid var(--line); border-radius: 12px; overflow: hidden; }
figure img { display: block; width: 100%; height: 140px; object-fit: cover; background: #f8fafc; }
figcaption { padding: 10px 14px; font-size: 14px; overflow-wrap: anywhere; }
figcaption b { color: #dc2626; }
figcaption small { display: block; color: var(--soft); margin-top: 4px; }
.columns { display: grid; gap: 28px; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); }
"""
