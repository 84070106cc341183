'use strict';
// Plain old JavaScript, so that a Node too old for the rest can still say so in one sentence.
const wanted = 24;
if (Number(process.versions.node.split('.')[0]) < wanted) {
  process.stderr.write(
    `Reckoner needs Node ${wanted} or later and found ${process.versions.node}. ` +
      'On Linux (x64, arm64) and Windows (x64) `npm ci` brings it along; elsewhere install it from nodejs.org.\n',
  );
  process.exit(1);
}
