/** The style of an invoice's page: part of the page, so that it looks the same from a mail, a bucket or a printer. */
export const PAGE_STYLE = `
* { box-sizing: border-box; }
html { color-scheme: light; background: #fff; color: #111; }
body { position: relative; margin: 0 auto; max-width: 50rem; padding: 1.5rem; font: 15px/1.45 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 1rem 2rem; align-items: flex-start; }
address { font-style: normal; }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 1.75rem 0 .4rem; font-size: 1.1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.5rem; margin: 1rem 0; }
dt { color: #555; }
dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { border-bottom: 1px solid #ccc; padding: .35rem .6rem .35rem 0; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
.number { padding-right: 0; padding-left: .6rem; text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
tfoot th, tfoot td { border-bottom: 2px solid #111; font-weight: 700; }
.blocked { margin-top: 1.25rem; border: 2px solid #b00020; padding: 0 1rem .5rem; }
.blocked h2 { margin-top: .75rem; color: #b00020; }
footer { margin-top: 2rem; color: #555; font-size: .85rem; }
.digest { overflow-wrap: anywhere; }
.watermark { position: fixed; inset: 40% 0 auto; transform: rotate(-24deg); text-align: center; font-size: 5rem; font-weight: 800; letter-spacing: .1em; color: #b00020; opacity: .16; pointer-events: none; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
@page { margin: 16mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  thead { display: table-header-group; }
  tfoot { display: table-row-group; }
  tr, dl, .blocked { break-inside: avoid; }
  h2 { break-after: avoid; }
}
`;
