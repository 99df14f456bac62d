import { workspaceTests } from './tooling/vitest/index.ts';

export default workspaceTests(import.meta.dirname, ['packages', 'apps']);
