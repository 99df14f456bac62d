// A process that attaches a program to the interface named by its first argument, says so, and waits to be killed.
import { assembleProgram } from '@cpumap/bpf';
import { createLinuxBackend } from '@cpumap/linux';

const backend = createLinuxBackend();
const map = backend.createMap({ name: 'killed', type: 16, keySize: 4, valueSize: 8, maxEntries: 2 });
map.update(1, new Uint8Array(Uint32Array.of(64, 0).buffer));
const program = await backend.loadProgram({ name: 'killed', code: { bytecode: assembleProgram('r0 = 2\nexit') } });
const subscription = backend.trace.subscribe();
backend.attachXdp(process.argv[2], program, process.argv[3]);
subscription.read();
process.stdout.write(`${JSON.stringify({ map: map.id, program: program.id })}\n`);
process.stdin.resume();
