#!/usr/bin/env node
// Plain old JavaScript on purpose: this file must parse on a Node too old for the rest, to say so in one line.
var major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(
    'runbook needs Node 24 or newer; this is Node ' + process.versions.node + '. Install it from https://nodejs.org.',
  );
  process.exit(2);
} else {
  import('../dist/cli/main.js');
}
