import { writeFile } from 'node:fs/promises';
import { jsonSchema } from '../runbook/json-schema.ts';

// `npm run schema`: the file that the first line of a runbook.yaml points editors to.
await writeFile(new URL('../../runbook.schema.json', import.meta.url), jsonSchema());
