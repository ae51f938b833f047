// Writes sets of twelve small images of three classes as Parquet, with three other programs. Usage: node make_parquet.mjs FOLDER, where
// FOLDER has sub-folders cat, dog and frog of JPEG files; npm install hyparquet-writer parquet-wasm apache-arrow @duckdb/node-api.
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import * as arrow from 'apache-arrow'
import { parquetWriteBuffer } from 'hyparquet-writer'
import * as wasm from 'parquet-wasm/node'

const classes = ['cat', 'dog', 'frog']
const smallest = name => readdirSync(`${process.argv[2]}/${name}`).map(f => `${process.argv[2]}/${name}/${f}`)
  .sort((a, b) => statSync(a).size - statSync(b).size).slice(0, 4)
const files = classes.map(smallest)
const rows = [...Array(12).keys()].map(i => ({ label: i % 3, bytes: new Uint8Array(readFileSync(files[i % 3][i / 3 | 0])), path: `${i}.jpg` }))
const features = { image: { _type: 'Image' }, label: { names: classes, _type: 'ClassLabel' } }
const huggingface = JSON.stringify({ info: { features } })
writeFileSync('images.txt', rows.map(r => `${r.label} ${createHash('sha1').update(r.bytes).digest('hex')}\n`).join(''))

// hyparquet-writer: version 1 pages, some images absent, several row groups and pages.
const schema = [
  { name: 'root', num_children: 2 },
  { name: 'image', num_children: 2, repetition_type: 'OPTIONAL' },
  { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
  { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
  { name: 'label', type: 'INT64', repetition_type: 'OPTIONAL' },
]
function hyparquet(name, options, images = rows) {
  writeFileSync(name, new Uint8Array(parquetWriteBuffer({
    schema,
    columnData: [
      { name: 'image', data: images.map(r => r.bytes && { bytes: r.bytes, path: r.path }) },
      { name: 'label', data: images.map(r => BigInt(r.label)) },
    ],
    kvMetadata: [{ key: 'huggingface', value: huggingface }],
    ...options,
  })))
}
hyparquet('train-00000-of-00002.parquet', { rowGroupSize: 4, pageSize: 1500 }, rows.slice(0, 6))
hyparquet('train-00001-of-00002.parquet', { rowGroupSize: 4, pageSize: 1500 }, rows.slice(6))
hyparquet('gzip.parquet', { codec: 'GZIP', compressors: { GZIP: bytes => new Uint8Array(gzipSync(bytes)) }, rowGroupSize: 5 })
hyparquet('uncompressed.parquet', { codec: 'UNCOMPRESSED', pageSize: 2000 })
hyparquet('absent.parquet', { rowGroupSize: 6 }, rows.map((r, i) => i % 5 === 2 ? { label: r.label } : r))

// DuckDB: dictionaries, zstd, and the delta encodings of version 2.
const duck = await (await DuckDBInstance.create()).connect()
await duck.run('CREATE TABLE t(i INT, image STRUCT(bytes BLOB, path VARCHAR), label BIGINT, name VARCHAR)')
for (const [i, r] of rows.entries()) {
  const hex = [...r.bytes].map(b => '\\x' + b.toString(16).padStart(2, '0')).join('')
  await duck.run(`INSERT INTO t VALUES (${i}, {'bytes': '${hex}'::BLOB, 'path': '${r.path}'}, ${r.label}, '${classes[r.label]}')`)
}
const metadata = `KV_METADATA {huggingface: '${huggingface}'}`
await duck.run(`COPY (SELECT image, label FROM t ORDER BY i) TO 'duckdb_zstd.parquet' (FORMAT PARQUET, COMPRESSION ZSTD, ${metadata})`)
await duck.run(`COPY (SELECT image, label FROM t ORDER BY i) TO 'duckdb_v2.parquet'
  (FORMAT PARQUET, PARQUET_VERSION V2, COMPRESSION SNAPPY, ${metadata})`)
await duck.run("COPY (SELECT image.bytes AS img, name AS class FROM t ORDER BY i) TO 'duckdb_text.parquet' (FORMAT PARQUET)")

// parquet-wasm (Rust): pages of version 2, dictionary of images.
const column = (type, values) => arrow.vectorFromArray(values, type)
const image = arrow.vectorFromArray(rows.map(r => ({ bytes: r.bytes, path: r.path })), new arrow.Struct([
  new arrow.Field('bytes', new arrow.Binary(), true), new arrow.Field('path', new arrow.Utf8(), true)]))
const table = new arrow.Table({ image, label: column(new arrow.Int32(), rows.map(r => r.label)) })
function rust(name, build) {
  const properties = build(new wasm.WriterPropertiesBuilder()).setKeyValueMetadata(new Map([['huggingface', huggingface]])).build()
  writeFileSync(name, wasm.writeParquet(wasm.Table.fromIPCStream(arrow.tableToIPC(table, 'stream')), properties))
}
const two = wasm.WriterVersion.V2
rust('rust_v2_zstd.parquet', b => b.setWriterVersion(two).setCompression(wasm.Compression.ZSTD).setMaxRowGroupSize(7).setDataPageSizeLimit(1500))
rust('rust_v1_dictionary.parquet', b => b.setDictionaryEnabled(true).setCompression(wasm.Compression.SNAPPY))
rust('rust_v2_delta.parquet', b => b.setWriterVersion(two).setDictionaryEnabled(false)
  .setColumnEncoding('image.bytes', wasm.Encoding.DELTA_BYTE_ARRAY).setColumnEncoding('label', wasm.Encoding.DELTA_BINARY_PACKED)
  .setCompression(wasm.Compression.BROTLI))
