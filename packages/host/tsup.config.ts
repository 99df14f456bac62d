import { packageBuild } from '@cpumap/tsup-config';

export default packageBuild(['src/index.ts', 'src/cpu-worker.ts', 'src/measure-worker.ts', 'src/handlers.ts']);
