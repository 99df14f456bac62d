import { packageBuild } from '@cpumap/tsup-config';

// the page is built behind the server, into the dist that tsup has emptied before
export default { ...packageBuild(), onSuccess: 'vite build' };
