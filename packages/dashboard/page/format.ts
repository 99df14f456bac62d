/** Numbers for people. */
const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const SI = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

/** What the backend cannot know. */
const UNKNOWN = '–';

export const count = (value: number | null): string => (value === null ? UNKNOWN : whole.format(value));
export const decimals = (value: number): string => fine.format(value);
/** As on axes: 1.2M. */
export const short = (value: number | null): string => (value === null ? UNKNOWN : SI.format(value));
export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

export function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const rest = (seconds - minutes * 60).toFixed(seconds < 60 ? 1 : 0);
  return minutes === 0 ? `${rest} s` : `${minutes} min ${rest} s`;
}
