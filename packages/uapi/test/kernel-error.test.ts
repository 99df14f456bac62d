import { describe, expect, it } from 'vitest';
import { ERRNO, type ErrnoName } from '../src/errno.ts';
import { KernelError } from '../src/kernel-error.ts';

describe('KernelError', () => {
  it('reads: call, phrase, errno, and the hint if there is one', () => {
    expect(new KernelError('E2BIG', 'bpf(BPF_MAP_CREATE)').message).toBe('bpf(BPF_MAP_CREATE): too big (E2BIG)');
    expect(new KernelError('EINVAL', 'bpf(BPF_MAP_CREATE)', { hint: 'value_size is 5: use 4 or 8' }).message).toBe(
      'bpf(BPF_MAP_CREATE): invalid argument (EINVAL): value_size is 5: use 4 or 8',
    );
  });

  it.each(Object.entries(ERRNO) as [ErrnoName, number][])('%s carries errno %i', (code, errno) => {
    const error = new KernelError(code, 'call', { hint: 'because' });
    expect(error).toMatchObject({ name: 'KernelError', code, errno, syscall: 'call', hint: 'because' });
    expect(error.message).toContain(`(${code})`);
  });

  it('is an Error with its cause', () => {
    const cause = new RangeError('no room');
    const error = new KernelError('ENOMEM', 'alloc', { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error.cause).toBe(cause);
    expect(error.hint).toBeUndefined();
    expect(String(error)).toBe('KernelError: alloc: out of memory (ENOMEM)');
    expect(error.stack).toContain('kernel-error.test.ts');
  });
});
