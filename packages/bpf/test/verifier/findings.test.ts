/** What the verifier finds out about programs that it accepts, what its log says, and how far it has to look. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/asm/assemble.ts';
import { xdpContext } from '../../src/verifier/context-models.ts';
import { verifyProgram } from '../../src/verifier/verify-program.ts';
import { MAPS } from './maps.ts';
import { PACKET, VALUE } from './snippets.ts';
import { answerOf, inputOf, inputOfProgram } from './verify-text.ts';

const resultOf = (text: string) => verifyProgram(inputOf({ name: 'test', text }));

describe('findings', () => {
  it('proved are the accesses on paths that can be gone', () => {
    const { proved } = resultOf(`${PACKET}r4 = r2
      r4 += 14
      if r4 > r3 goto out
      r5 = *(u16 *)(r2 + 12)
      *(u64 *)(r10 - 8) = r5
      r1 = 1
      if r1 == 1 goto out
      r5 = *(u8 *)(r2 + 0)
    out:
      r0 = 2
      exit`);
    expect([...proved]).toEqual([1, 2, 6, 7]);
  });

  it('a call knows its map, unless paths differ', () => {
    const same = resultOf(`${VALUE}out:\n r0 = 1\n exit`);
    expect([...same.mapAtCall]).toEqual([[5, MAPS[0]]]);
    const differs = resultOf(
      `call 7\n r6 = r0\n ${VALUE.replace('map_by_fd(1) ll', 'map_by_fd(1) ll\n if r6 == 0 goto +2\n r1 = map_by_fd(18) ll')}out:\n r0 = 1\n exit`,
    );
    expect(differs.mapAtCall.size).toBe(0);
  });

  it('a call knows the arguments that are the same on all paths', () => {
    const { constantArguments } = resultOf(
      'call 7\n r1 = map_by_fd(3) ll\n r2 = r0\n r3 = 2\n if r0 > 5 goto +1\n r3 = 2\n call 51\n exit',
    );
    expect(constantArguments.get(7)).toEqual([undefined, undefined, 2n]);
    const { constantArguments: two } = resultOf(
      'call 7\n r1 = map_by_fd(3) ll\n r2 = 4\n r3 = 2\n if r0 > 5 goto +1\n r3 = 3\n call 51\n exit',
    );
    expect(two.get(7)).toEqual([undefined, 4n, undefined]);
  });

  it('the stack is that of the deepest chain of calls', () => {
    const { stackDepth } = resultOf(
      '*(u64 *)(r10 - 40) = 1\n call f\n call g\n r0 = 0\n exit\nf:\n *(u8 *)(r10 - 100) = 1\n r0 = 0\n exit\ng:\n r0 = 0\n exit',
    );
    expect(stackDepth).toBe(48 + 112);
  });

  it('callbacks, tail calls and helpers that move the packet are noted', () => {
    const loop = resultOf(
      'r1 = 3\n r2 = code_addr(turn) ll\n r3 = 0\n r4 = 0\n call 181\n exit\nturn:\n r0 = 0\n exit',
    );
    expect([...loop.callbacks]).toEqual([7]);
    expect(loop.usesTailCalls || loop.changesPacket).toBe(false);
    expect(resultOf('r2 = map_by_fd(6) ll\n r3 = 0\n call 12\n r0 = 1\n exit').usesTailCalls).toBe(true);
    expect(resultOf('r2 = 0\n call 44\n exit').changesPacket).toBe(true);
  });
});

describe('the log', () => {
  it('has the state of what each instruction touched, as the kernel writes it', () => {
    const input = inputOf(
      {
        name: 'test',
        text: `${PACKET}r4 = r2\n r4 += 14\n if r4 > r3 goto +1\n r5 = *(u8 *)(r2 + 13)\n r0 = 1\n exit`,
      },
      2,
    );
    expect(verifyProgram(input).log.split('\n').slice(0, 9)).toEqual([
      '0: R1=ctx() R10=fp0',
      '0: (bf) r6 = r1                         ; R1=ctx() R6=ctx()',
      '1: (61) r2 = *(u32 *)(r1 + 0x0)         ; R1=ctx() R2=pkt(r=0)',
      '2: (61) r3 = *(u32 *)(r1 + 0x4)         ; R1=ctx() R3=pkt_end()',
      '3: (bf) r4 = r2                         ; R2=pkt(r=0) R4=pkt(r=0)',
      '4: (07) r4 += 0xe                       ; R4=pkt(off=14,r=0)',
      '5: (2d) if r4 > r3 goto +0x1            ; R3=pkt_end() R4=pkt(off=14,r=14)',
      '6: (71) r5 = *(u8 *)(r2 + 0xd)          ; R2=pkt(r=14) R5=scalar(smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))',
      '7: (b7) r0 = 0x1                        ; R0=1',
    ]);
  });

  it('has source lines and what the stack holds', () => {
    const input = {
      ...inputOf({ name: 'test', text: '*(u32 *)(r10 - 4) = 0\n *(u64 *)(r10 - 16) = r1\n r0 = 1\n exit' }, 2),
      lines: new Map([[1, 'u64 kept = ctx;']]),
    };
    expect(verifyProgram(input).log).toContain('; u64 kept = ctx;\n1: (7b) *(u64 *)(r10 - 0x10) = r1');
    expect(verifyProgram(input).log).toContain('fp-8=0000????');
    expect(verifyProgram(input).log).toContain('fp-16=ctx()');
  });

  it('is empty on level 0 when all is well, and complete when it is not', () => {
    expect(resultOf('r0 = 1\n exit').log).toBe('');
    const { error } = answerOf(inputOf({ name: 'mine', text: 'r0 = 1\n r0 = *(u8 *)(r1 + 1)\n exit' }));
    expect(error!.log).toBe(
      [
        '0: R1=ctx() R10=fp0',
        '0: (b7) r0 = 0x1                        ; R0=1',
        '1: (71) r0 = *(u8 *)(r1 + 0x1)',
        'invalid bpf_context access off=1 size=1',
        'processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0',
        '',
      ].join('\n'),
    );
    expect(error!.slot).toBe(1);
    expect(error!.message).toMatch(
      /^bpf\(BPF_PROG_LOAD\): .*EACCES.*program "mine": invalid bpf_context access off=1 size=1 \(slot 1\): the fields of/,
    );
  });

  it('on level 1 shows the path that went wrong and not those before', () => {
    const text = 'call 7\n if r0 == 0 goto bad\n r6 = 5\n r6 += 1\n r0 = 1\n exit\nbad:\n r0 = r9\n exit';
    const { error } = answerOf(inputOf({ name: 'test', text }, 1));
    expect(error!.log).not.toContain('r6 += 0x1');
    expect(error!.log).toContain('from 1 to 6:');
    expect(answerOf(inputOf({ name: 'test', text }, 2)).error!.log).toContain('r6 += 0x1');
  });
});

describe('errors say the way out', () => {
  it.each([
    ['call 9\n exit', /bpf_skb_store_bytes exists in Linux, but not in this engine/],
    ['call 69\n exit', /bpf_fib_lookup exists in Linux, but not in this engine/],
    ['r1 = map_by_fd(1) ll\n r2 = 0\n r3 = 0\n call 51\n exit', /bpf_redirect_map is for other map types/],
    [
      'r2 = r10\n r2 += -8\n r1 = map_by_fd(3) ll\n call 1\n exit',
      /map "cpu_map" can be used with bpf_redirect_map only/,
    ],
    [
      'r2 = *(u32 *)(r1 + 0)\n r0 = *(u8 *)(r2 + 0)\n exit',
      /0 bytes are known to be there.*compare with data_end first/,
    ],
    [VALUE.replace(/ {2}if.*\n/, 'r0 = *(u8 *)(r0 + 0)\n exit'), /compare the pointer with 0 first/],
  ])('%s', (text, hint) => {
    expect(answerOf(inputOf({ name: 'test', text })).error?.hint).toMatch(hint);
  });

  it('programs of other kinds and broken instructions are refused', () => {
    const instructions = assemble('r0 = 0\n exit');
    const input = inputOfProgram(instructions);
    expect(answerOf({ ...input, programType: 1 }).error?.hint).toMatch(/socket_filter are not run here/);
    expect(answerOf({ ...input, instructions: [] }).error?.code).toBe('EINVAL');
    const broken = [{ ...instructions[0]!, opcode: 0xff }, instructions[1]!];
    expect(answerOf({ ...input, instructions: broken }).error?.code).toBe('EINVAL');
    expect(answerOf({ ...input, context: xdpContext(37), mapAt: () => undefined }).result).toBeDefined();
  });
});

describe('paths that meet are followed once', () => {
  const branches = (n: number): string =>
    Array.from({ length: n }, (_, i) => `call 7\n if r0 > ${i} goto n${i}\n r7 += 1\nn${i}:\n r8 += r0`).join('\n');

  it('numbers that decide nothing do not count: 60 branches', () => {
    const { processedInsns } = resultOf(`r7 = 0\n r8 = 0\n ${branches(60)}\n r0 = r7\n exit`);
    expect(processedInsns).toBeLessThan(1500);
  });

  it('nor do registers and stack that nobody reads', () => {
    const { processedInsns } = resultOf(
      `r7 = 0\n r8 = 0\n ${branches(60).replaceAll('r7 += 1', '*(u64 *)(r10 - 8) = 1')}\n r0 = 1\n exit`,
    );
    expect(processedInsns).toBeLessThan(1500);
  });

  it('a number that is an index does', () => {
    const text = (index: string): string =>
      `r7 = 0\n r8 = 0\n ${branches(8)}\n ${VALUE}${index}r0 += r7\n r0 = *(u8 *)(r0 + 56)\n exit\nout:\n r0 = 0\n exit`;
    expect(answerOf(inputOf({ name: 'test', text: text('') })).error?.verdict).toMatch(/outside of the allowed memory/);
    expect(resultOf(text('r7 &= 7\n ')).proved.size).toBeGreaterThan(0);
  });
});
