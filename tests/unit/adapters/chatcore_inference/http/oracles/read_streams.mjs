// Reads event streams with eventsource-parser. A line of JSON in: streams, each a list of chunks in base64.
// A line of JSON out: for each stream what a client would have heard.
import { Buffer } from 'node:buffer';
import { createInterface } from 'node:readline';
import { createParser } from './eventsource_parser/parse.js';

function read(chunks) {
  const heard = { events: [], ids: [], retries: [], comments: [] };
  const parser = createParser({
    onEvent: ({ data, event, id }) => heard.events.push({ data, type: event ?? null, id: id ?? null }),
    onId: (id) => heard.ids.push(id),
    onRetry: (milliseconds) => heard.retries.push(milliseconds),
    onComment: (comment) => heard.comments.push(comment),
  });
  // The byte order mark is left for the parser to find, as it would be by a client who decodes chunk by chunk.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  for (const chunk of chunks) {
    parser.feed(decoder.decode(Buffer.from(chunk, 'base64'), { stream: true }));
  }
  parser.feed(decoder.decode());
  return heard;
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(JSON.parse(line).map(read))}\n`);
}
