/** Functions write their metrics and logs to standard output; whoever simulates them reads outcomes. Imported first. */
process.env.LOG_LEVEL = 'SILENT';
console.warn = () => {};
