import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connectMarionette, type Marionette, MarionetteError } from './_marionette.ts'
import { peerPath } from './_peer.ts'
import { runOk, startProgram } from './_program.ts'

/** What Firefox shows of a page. */
export type FirefoxSaw =
  | { readonly kind: 'page'; readonly title: string }
  /** An error page, with the code that stands on it. */
  | { readonly kind: 'error'; readonly code: string }

/** A headless Firefox with a profile of its own. */
export interface Firefox extends AsyncDisposable {
  /** Goes to a URL, over a fresh TLS session each time. */
  visit(url: string): Promise<FirefoxSaw>
  /** What it shows now, PNG. */
  screenshot(): Promise<Uint8Array>
}

/** Starts Firefox with its profile in `folder`, trusting the root in a PEM file beside its own. */
export async function startFirefox(folder: string, root: string): Promise<Firefox> {
  const profile = join(folder, 'firefox')
  await mkdir(profile)
  await writeFile(join(profile, 'user.js'), preferencesText())
  const database = ['-d', `sql:${profile}`]
  await runOk(peerPath('certutil'), ['-N', ...database, '--empty-password'])
  await runOk(peerPath('certutil'), ['-A', ...database, '-n', 'lab', '-t', 'C,,', '-i', root])
  const program = await startProgram({
    path: peerPath('firefox-esr'),
    args: ['--headless', '--no-remote', '--marionette', '--profile', profile],
    env: { HOME: folder, MOZ_CRASHREPORTER_DISABLE: '1' },
    ready: /Marionette\tINFO\tListening on port (\d+)/,
  })
  const marionette = await connectMarionette(Number(program.ready[1]))
  await marionette.send('WebDriver:NewSession')
  return {
    visit: (url) => visit(marionette, url),
    async screenshot() {
      return Buffer.from(
        await value(marionette, 'WebDriver:TakeScreenshot', { full: false }),
        'base64',
      )
    },
    async [Symbol.asyncDispose]() {
      marionette[Symbol.dispose]()
      // It would take seconds to put a profile in order that is thrown away.
      await program.stop('SIGKILL')
    },
  }
}

async function visit(marionette: Marionette, url: string): Promise<FirefoxSaw> {
  try {
    await marionette.send('WebDriver:Navigate', { url })
  } catch (error) {
    if (!(error instanceof MarionetteError)) throw error
    return { kind: 'error', code: await errorCode(marionette, error.message) }
  }
  return { kind: 'page', title: await value(marionette, 'WebDriver:GetTitle') }
}

/** The error page is drawn by scripts, so the code may not stand there at once. */
async function errorCode(marionette: Marionette, problem: string): Promise<string> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const script = { script: PAGE_TEXT, args: [] }
    const code = ERROR_CODE.exec(await value(marionette, 'WebDriver:ExecuteScript', script))
    if (code !== null) return code[0]
    await new Promise((later) => setTimeout(later, ATTEMPT_EVERY_MS))
  }
  throw new Error(`an error page without a code: ${problem}`)
}

async function value(marionette: Marionette, command: string, parameters?: object) {
  const result = await marionette.send(command, parameters)
  if (typeof result === 'object' && result !== null && 'value' in result)
    return String(result.value)
  throw new Error(`${command} gave no value`)
}

function preferencesText(): string {
  const lines = Object.entries(preferences).map(
    ([name, setting]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(setting)});`,
  )
  return `${lines.join('\n')}\n`
}

const preferences = {
  'marionette.port': 0,
  'remote.log.level': 'Info',
  // In a resumed session a server sends neither a certificate nor a staple.
  'security.ssl.disable_session_identifiers': true,
  // Nothing goes out: what is judged is the staple, and the test needs no network.
  'security.OCSP.enabled': 0,
  'app.normandy.enabled': false,
  'app.update.enabled': false,
  'browser.safebrowsing.update.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,',
  'toolkit.telemetry.enabled': false,
}

/** All text of the page, that of its web components too; and what stands on some pages only after a click. */
const PAGE_TEXT = `
  const texts = (node) => [
    node.nodeType === 3 ? node.data : '',
    Array.from(node.childNodes, texts).join(' '),
    node.shadowRoot ? texts(node.shadowRoot) : '',
  ].join(' ')
  const failed = document.documentURI.startsWith('about:certerror')
    ? document.getFailedCertSecurityInfo().errorCodeString
    : ''
  return texts(document.documentElement) + failed`
const ERROR_CODE = /\b(?:SEC|SSL|MOZILLA_PKIX)_ERROR_[A-Z_]+\b/
const MAX_ATTEMPTS = 100
const ATTEMPT_EVERY_MS = 50
