/** One run of the service. After a kill, whatever it waits for never comes, so that nothing more comes of it. */
export class Life {
  #isOver = false

  /** The process is killed. */
  end(): void {
    this.#isOver = true
  }

  /** Does `work` and gives what comes of it, unless the life is over before or meanwhile. */
  async live<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isOver) await nothing()
    try {
      return await work()
    } finally {
      if (this.#isOver) await nothing()
    }
  }
}

/** A promise of its own each time, as one for all would keep hold of all that wait for it. */
function nothing(): Promise<void> {
  return new Promise(() => {})
}
