import { PassThrough, Writable } from 'node:stream';
import xterm from '@xterm/headless';
import { eventually } from '../support/eventually.ts';

const KEYS = {
  up: '\u001b[A',
  down: '\u001b[B',
  home: '\u001b[H',
  pageUp: '\u001b[5~',
  pageDown: '\u001b[6~',
  enter: '\r',
  escape: '\u001b',
  tab: '\t',
  ctrlC: '\u0003',
} as const;

/** A terminal in this process: what is written to it is drawn by a real emulator, and keys can be pressed in it. */
export class FakeTerminal {
  readonly emulator: xterm.Terminal;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  /** Everything that was ever written, as it was. */
  written = '';
  private readonly keyboard = new PassThrough();

  constructor(columns: number, rows: number) {
    // A terminal's driver turns a line feed into carriage return and line feed, raw mode or not.
    this.emulator = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: true });
    const { emulator } = this;
    const write = (text: string) => {
      this.written += text;
    };
    const screen = new Writable({
      decodeStrings: false,
      write(chunk: string | Buffer, _encoding, done) {
        write(chunk.toString());
        emulator.write(chunk.toString(), done);
      },
    });
    this.stdout = Object.assign(screen, { isTTY: true, columns, rows }) as unknown as NodeJS.WriteStream;
    const raw = { isTTY: true, setRawMode: () => this.stdin, ref: () => this.stdin, unref: () => this.stdin };
    this.stdin = Object.assign(this.keyboard, raw) as unknown as NodeJS.ReadStream;
  }

  /** The rows of the screen as text, without what is blank at their ends. */
  rows(): string[] {
    const { active } = this.emulator.buffer;
    return Array.from({ length: this.emulator.rows }, (_, row) =>
      (active.getLine(active.viewportY + row)?.translateToString(true) ?? '').trimEnd(),
    );
  }

  text(): string {
    return this.rows().join('\n');
  }

  /** Text as a person reads it: wrapped lines run together, spaces collapsed. */
  read(): string {
    return this.text().replace(/[│─\s]+/g, ' ');
  }

  /** Whether any cell of the screen has a colour. */
  coloured(): boolean {
    const { active } = this.emulator.buffer;
    return Array.from({ length: this.emulator.rows }).some((_, row) => {
      const line = active.getLine(active.viewportY + row);
      return Array.from({ length: this.emulator.cols }).some((_cell, column) => {
        const cell = line?.getCell(column);
        return cell !== undefined && (!cell.isFgDefault() || !cell.isBgDefault());
      });
    });
  }

  press(...keys: (keyof typeof KEYS | { type: string })[]): void {
    for (const key of keys) this.keyboard.write(typeof key === 'string' ? KEYS[key] : key.type);
  }

  resize(columns: number, rows: number): void {
    this.emulator.resize(columns, rows);
    Object.assign(this.stdout, { columns, rows });
    this.stdout.emit('resize');
  }

  /** Waits until the screen says it. */
  async shows(wanted: string | RegExp): Promise<void> {
    await eventually(() => {
      const found = typeof wanted === 'string' ? this.read().includes(wanted) : wanted.test(this.text());
      if (!found) throw new Error(`The screen does not show ${wanted}:\n${this.text()}`);
    });
  }
}
