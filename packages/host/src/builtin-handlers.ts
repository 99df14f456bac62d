/** Where every CPU finds the handlers that come with the engine. */
import type { ModuleCode } from '@cpumap/bpf';

const module = new URL('./handlers.js', import.meta.url).href;

/** Takes every frame and does nothing with it; the stack counts it as delivered. */
export const ACCEPT_ALL: ModuleCode = { module, export: 'acceptAll' };

/** Writes every frame to a pcapng file; its options are CaptureFileOptions, and `beginCaptureFile` must come first. */
export const CAPTURE_FILE: ModuleCode = { module, export: 'captureFile' };
