/** The parser's WebAssembly module itself, for what its wrapper loses: the words of a PL/pgSQL error. */
declare module '@libpg-query/parser/wasm/libpg-query.js' {
  interface PgQuery {
    lengthBytesUTF8(text: string): number;
    stringToUTF8(text: string, pointer: number, bytes: number): void;
    UTF8ToString(pointer: number): string;
    _malloc(bytes: number): number;
    _free(pointer: number): void;
    _wasm_parse_plpgsql(sql: number): number;
    _wasm_free_string(pointer: number): void;
  }
  const create: () => Promise<PgQuery>;
  export default create;
}
