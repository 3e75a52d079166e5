#!/usr/bin/env node
// Plain JavaScript that an old Node still parses, to say in one line that it is too old for the rest.
const [major] = process.versions.node.split('.').map(Number);
if (major < 24) {
  console.error(`runbook needs Node 24 or newer; this is Node ${process.versions.node}.`);
  process.exit(2);
}
await import('../dist/cli/main.js');
