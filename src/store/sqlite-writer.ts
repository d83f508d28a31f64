import { parentPort, workerData } from 'node:worker_threads'
import { serveWrites, type WriterData } from './sqlite-writing.ts'

// The thread that writes: its whole life is below. Started by SqliteWriteQueue only.
if (parentPort !== null) serveWrites(parentPort, workerData as WriterData)
