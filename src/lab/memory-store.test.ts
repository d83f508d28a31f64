import { storeContract } from '../store/contract.ts'
import { MemoryStore } from './memory-store.ts'

storeContract('MemoryStore', async () => {
  const store = new MemoryStore()
  return {
    open: async () => store,
    [Symbol.asyncDispose]: async () => {},
  }
})
