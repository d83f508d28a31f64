// Writes everstaple.schema.json, the JSON Schema of the configuration file, for editors. A test fails while it is not up to date.
import { writeFileSync } from 'node:fs'
import { configJsonSchema } from '../src/config/schema.ts'

writeFileSync(
  new URL('../everstaple.schema.json', import.meta.url),
  `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
)
