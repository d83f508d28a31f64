import { expect, test } from 'vitest'
import { Story } from './story.ts'

function told(colours: 'yes' | 'no', tell: (story: Story) => void): readonly string[] {
  const lines: string[] = []
  const out = (text: string) => void lines.push(text)
  tell(new Story({ out, err: out, colours }))
  return lines
}

test('a table takes the place of the one before', () => {
  const lines = told('yes', (story) => {
    story.table([['a'], ['b']], 'interim')
    story.table([['c']], 'final')
  })
  expect(lines).toEqual(['   a\n   b', '\u001b[2A\u001b[J   c'])
})

test('a table stays where something was told after it', () => {
  const lines = told('yes', (story) => {
    story.table([['a']], 'interim')
    story.line('news')
    story.table([['b']], 'interim')
  })
  expect(lines).toEqual(['   a', '   news', '   b'])
})

test('in a file there is the last table only', () => {
  const lines = told('no', (story) => {
    story.table([['a']], 'interim')
    story.table([['b']], 'final')
    story.table([['c']], 'final')
  })
  expect(lines).toEqual(['   b', '   c'])
})
