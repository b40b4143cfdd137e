"""What the model card adds to the report's style sheet: it fits one page of A4."""

CARD_STYLE = """
@page { size: A4; margin: 11mm; }
body { font-size: 13px; }
table { font-size: 12px; }
.columns { gap: 0 20px; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); }
ul { margin: 0; padding-left: 18px; }
section p { margin: 0; overflow-wrap: anywhere; }
.columns td:first-child { color: var(--soft); width: 36%; }
.columns thead { display: none; }
@media print {
  body { background: none; font-size: 8.5pt; line-height: 1.3; }
  main { padding: 0; max-width: none; }
  h1 { font-size: 16pt; }
  h2 { font-size: 10pt; }
  table { font-size: 7.5pt; }
  th, td { padding: 1.5px 6px 1.5px 0; }
  .columns { grid-template-columns: 1fr 1fr; gap: 0 12px; }
  section { padding: 6px 10px; margin-top: 6px; border-radius: 6px; break-inside: avoid; }
}
"""
