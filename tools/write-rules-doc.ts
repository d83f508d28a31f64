// Writes the tables of docs/clients.md that are made from the code: `npm run rules`. A test fails while they are not up to date.
import { readFileSync, writeFileSync } from 'node:fs'
import { withTables } from '../src/ocsp/_clients-document.ts'

const page = new URL('../docs/clients.md', import.meta.url)
writeFileSync(page, withTables(readFileSync(page, 'utf8')))
