/** Functions write their metrics and logs to standard output; whoever simulates them reads outcomes. Imported first. */
process.env.POWERTOOLS_DEV = 'true';
process.env.POWERTOOLS_METRICS_DISABLED = 'true';
process.env.POWERTOOLS_LOG_LEVEL = 'CRITICAL';
console.warn = () => {};
