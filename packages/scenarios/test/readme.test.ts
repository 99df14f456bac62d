import { itRunsTheReadmeExample } from '@cpumap/vitest-config/readme';

itRunsTheReadmeExample(import.meta.url);
