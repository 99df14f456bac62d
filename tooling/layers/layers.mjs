/**
 * The layers, lowest first. A package imports only from packages above it in this list; apps import from any package,
 * and nothing imports from an app. This list is the only place that says so: the rules below are made from it.
 */
export const layers = [
  'uapi',
  'smp',
  'tracepoints',
  'skb',
  'bpf',
  'xdp',
  'devmap',
  'cpumap',
  'nic',
  'host',
  'programs',
  'linux',
  'autoscale',
  'metrics',
  'dashboard',
  'scenarios',
  'compliance',
];

/** @param {string[]} names */
const anyOf = (names) => `(?:${names.join('|')})`;
/**
 * Both forms of an import of one of `names`: resolved to its folder, or left as written because it is not a dependency.
 *
 * @param {string[]} names
 */
const packages = (names) => `^(?:packages/${anyOf(names)}/|@cpumap/${anyOf(names)}(?:/|$))`;

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const directions = layers.slice(0, -1).map((name, i) => ({
  name: `${name}-imports-only-lower-layers`,
  comment: `@cpumap/${name} may import only from: ${layers.slice(0, i).join(', ') || 'nothing'}`,
  severity: 'error',
  from: { path: `^packages/${name}/` },
  to: { path: packages(layers.slice(i + 1)) },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export const configuration = {
  forbidden: [
    ...directions,
    {
      name: 'known-packages-only',
      comment: 'a new package has to take its place in the list of layers',
      severity: 'error',
      from: { path: '^packages/', pathNot: packages(layers) },
      to: {},
    },
    {
      name: 'no-import-of-an-app',
      comment: 'apps are at the top: nothing imports them, not even each other',
      severity: 'error',
      from: { path: '^(packages|apps)/([^/]+)/' },
      to: { path: '^(?:apps/|xdp-redirect-cpu(?:/|$)|@cpumap/bench(?:/|$))', pathNot: '^$1/$2/' },
    },
    {
      name: 'no-deep-import',
      comment: 'another package is what its exports say: import it by name',
      severity: 'error',
      from: { path: '^(packages|apps)/([^/]+)/' },
      to: { path: '^(?:packages|apps)/[^/]+/(?!dist/)', pathNot: '^$1/$2/' },
    },
    {
      name: 'no-tests-in-src',
      severity: 'error',
      from: { path: '^(?:packages|apps)/[^/]+/src/' },
      to: { path: '^(?:(?:packages|apps)/[^/]+/test/|tooling/)' },
    },
    {
      name: 'no-development-package-in-src',
      severity: 'error',
      from: { path: '^(?:packages|apps)/[^/]+/src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-cycle',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      comment: 'no such file, not built, or not a dependency in package.json',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: '(?:^|/)(?:node_modules|dist)/|^tooling/' },
    // a type-only import is an import too
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    enhancedResolveOptions: {
      extensions: ['.ts', '.mjs', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
