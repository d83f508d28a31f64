/** One thing that is wrong with the configuration, and where. */
export interface ConfigProblem {
  /** Where in the file; `undefined` for what was given on the command line. */
  readonly at: FilePosition | undefined
  /** The key as a path, `outputs[0].debounce`, or the flag, `--listen`. */
  readonly key: string
  readonly saw: string
  readonly required: string
}

/** A place in a file as editors count: lines and columns from 1. */
export interface FilePosition {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** The problem on one line: `everstaple.yaml:3:9: listen: saw "8888"; required HOST:PORT, …`. */
export function describeProblem({ at, key, saw, required }: ConfigProblem): string {
  const place = at === undefined ? '' : `${at.file}:${at.line}:${at.column}: `
  return `${place}${key}: saw ${saw}; required ${required}`
}
