import type { defineConfig } from 'tsup';

/** The build of one package. `entry` lists the source files that become files of their own in dist. */
export declare function packageBuild(entry?: string[]): ReturnType<typeof defineConfig>;
