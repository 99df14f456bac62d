import { packageBuild } from '@cpumap/tsup-config';

export default packageBuild(['src/index.ts', 'src/handlers.ts']);
