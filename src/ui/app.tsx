import { isDeepStrictEqual } from 'node:util';
import { Box, Text, useApp, useInput, usePaste, useWindowSize } from 'ink';
import { memo, type ReactNode, useLayoutEffect } from 'react';
import { useStore } from 'zustand';
import { compose, type Pane } from './compose.ts';
import { cut, type Line } from './lines.ts';
import { asciiOf, dress, type Look } from './look.ts';
import { type Press, pressesOf } from './presses.ts';
import type { ScreenStore } from './store.ts';

/** Most rows are as they were a second ago: laying those out anew would be most of what a terminal costs its machine. */
const Row = memo(DrawnRow, isDeepStrictEqual);

function DrawnRow({ line, cells, look }: { line: Line; cells: number; look: Look }): ReactNode {
  const spans = cut(line, cells, look);
  if (spans.length === 0) return <Text> </Text>;
  return (
    <Text wrap="truncate">
      {spans.map(({ text, tone }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line has no other order or identity than its place
        <Text key={index} {...dress(tone, look)}>
          {look.unicode ? text : asciiOf(text)}
        </Text>
      ))}
    </Text>
  );
}

function Rows({ lines, cells, height, look }: Pick<Pane, 'lines' | 'cells' | 'height'> & { look: Look }): ReactNode {
  return (
    <Box flexDirection="column" width={cells} height={height} flexShrink={0}>
      {lines.slice(0, height).map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: as above
        <Row key={index} line={line} cells={cells} look={look} />
      ))}
    </Box>
  );
}

interface Wired {
  store: ScreenStore;
  /** `withTerminal` gives the terminal back while something else is done on it. */
  onPress(press: Press, withTerminal: (work: () => Promise<void>) => Promise<void>): void;
  /** Called with the terminal given back; it is taken again once the promise resolves. */
  onSuspend(): Promise<void>;
}

/** The screen: header, timeline, step or question, keys. It draws what `compose` lays out, and passes on what is pressed. */
export function App({ store, onPress, onSuspend }: Wired): ReactNode {
  const { columns, rows } = useWindowSize();
  const { suspendTerminal } = useApp();
  // Before any key is judged by what was drawn at this size.
  useLayoutEffect(() => store.setState({ columns, rows }), [store, columns, rows]);
  useInput((input, key) => {
    for (const press of pressesOf(input, key)) {
      if ('key' in press && press.key === 'suspend') suspendTerminal(onSuspend).catch(() => undefined);
      else onPress(press, suspendTerminal);
    }
  });
  usePaste((pasted) => onPress({ pasted }, suspendTerminal));

  const screen = useStore(store);
  const { look } = screen;
  const { header, timeline, sideBySide, main, footer } = compose({ ...screen, columns, rows });
  const rule = look.glyphs.rule;
  const post = look.glyphs.post;
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      <Rows lines={header} cells={columns} height={header.length} look={look} />
      <Text {...dress('quiet', look)}>{rule.repeat(columns)}</Text>
      {sideBySide && timeline ? (
        <Box height={main.height} flexShrink={0}>
          <Rows {...timeline} look={look} />
          <Text {...dress('quiet', look)}>{Array.from({ length: main.height }, () => ` ${post} `).join('\n')}</Text>
          <Rows {...main} look={look} />
        </Box>
      ) : (
        <Box flexDirection="column" flexShrink={0}>
          {timeline && <Rows {...timeline} look={look} />}
          {timeline && <Text {...dress('quiet', look)}>{rule.repeat(columns)}</Text>}
          <Rows {...main} look={look} />
        </Box>
      )}
      <Row line={footer} cells={columns} look={look} />
    </Box>
  );
}
