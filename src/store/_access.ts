// Opens the store in a process of its own, perhaps of another user. Run as `node _access.ts FOLDER WHAT`, where WHAT is
// - close, kill: stores WHAT as a problem, then ends that way;
// - read: prints what comes of opening for reading and for writing, as JSON.
import { openSqliteStore, openSqliteStoreForReading } from './sqlite.ts'
import { StoreError } from './store.ts'

const [folder = '', what = ''] = process.argv.slice(2)
if (what === 'read') {
  const written = await outcome(openSqliteStore({ folder }).then(() => 'opened'))
  const read = await outcome(openSqliteStoreForReading({ folder }).then((s) => s.problems()))
  process.stdout.write(JSON.stringify({ read, written }))
} else {
  const store = await openSqliteStore({ folder })
  await store.replaceProblems([{ path: '/x', problem: what }])
  if (what === 'kill') process.kill(process.pid, 'SIGKILL')
  await store[Symbol.asyncDispose]()
}

function outcome(work: Promise<unknown>): Promise<unknown> {
  return work.catch((error: unknown) => {
    if (error instanceof StoreError) return `${error.code} ${error.message}`
    throw error
  })
}
