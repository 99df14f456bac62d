/** Light or dark: what the system prefers, until somebody chooses. */
import { signal } from '@preact/signals';

export type Theme = 'auto' | 'light' | 'dark';
const KEY = 'cpumap-theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

function stored(): Theme {
  const value = localStorage.getItem(KEY);
  return value === 'light' || value === 'dark' ? value : 'auto';
}

export const theme = signal<Theme>(stored());
/** Changes whenever colours do: what draws on a canvas draws again. */
export const colours = signal(0);

export function applyTheme(): void {
  document.documentElement.dataset.theme = theme.value === 'auto' ? (dark.matches ? 'dark' : 'light') : theme.value;
  colours.value++;
}

export function choose(value: Theme): void {
  theme.value = value;
  if (value === 'auto') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, value);
  applyTheme();
}

dark.addEventListener('change', applyTheme);

/** A colour of the style sheet, for a canvas. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Of the n-th remote CPU, on plots and in the picture. */
export const seriesColour = (index: number): string => `--series-${index % 8}`;
