/** The report's style: part of the page, so that it looks the same from a mail, a bucket or a printer. */
export const REPORT_STYLE = `
:root { color-scheme: light dark; --line: #8884; --clean: #1a7f37; --discrepancies: #c62828; --inconclusive: #b26a00; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: 1.5rem; font: 16px/1.5 system-ui, sans-serif; }
header { border-left: .5rem solid; padding: .25rem 0 .25rem 1.25rem; }
header.clean { border-color: var(--clean); }
header.discrepancies { border-color: var(--discrepancies); }
header.inconclusive { border-color: var(--inconclusive); }
.verdict { margin: 0; font-weight: 700; letter-spacing: .04em; text-transform: uppercase; }
.clean .verdict { color: var(--clean); }
.discrepancies .verdict { color: var(--discrepancies); }
.inconclusive .verdict { color: var(--inconclusive); }
h1 { margin: .25rem 0; font-size: 1.75rem; line-height: 1.2; }
h2 { margin: 2rem 0 .5rem; font-size: 1.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { border-bottom: 1px solid var(--line); padding: .4rem .75rem .4rem 0; text-align: left; vertical-align: top; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.time { white-space: nowrap; }
.note, small { opacity: .75; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; }
dd { margin: 0; overflow-wrap: anywhere; }
@media print {
  :root { color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .wide { overflow: visible; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
}
`;
